//! `http.serve`: what a handler is given, and what it may do before it answers.

#![expect(clippy::unwrap_used, reason = "tests")]

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::{Run, Serving};
use tests::upstream::Upstream;

fn show() -> Serving {
    Run::script(&["--allow-listen=0"], include_str!("../scripts/http_server/show.lua")).serve()
}

fn echo(flags: &[&str]) -> Serving {
    Serving::routes(
        flags,
        "",
        "{ POST = { ['/'] = function(req) return { body = req.body } end } }",
    )
}

/// All 256 byte values, over and over, with a period that no power of two shares.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 257 % 256) as u8).collect()
}

#[test]
fn a_request_shows_its_line_and_its_query() {
    let names = "(function() local n = {} for k in pairs(req) do if type(k) == 'string' then \
                 n[#n + 1] = k end end table.sort(n) return table.concat(n, ' ') end)()";
    let serving = show();
    let mut client = Raw::connect(serving.port);
    for (line, expression, expected) in [
        ("GET /", "req.method", "GET"),
        ("PURGE /", "req.method", "PURGE"),
        ("get /", "req.method", "get"),
        ("GET /a%20b/../c//d;e?x", "req.path", "/a%20b/../c//d;e"),
        ("GET http://other:1/a?b", "req.path .. ' ' .. req.query", "/a b"),
        ("GET /", "req.query == ''", "true"),
        ("GET /?", "req.query == ''", "true"),
        ("GET /?a=%3D&b=+&c", "req.query", "a=%3D&b=+&c"),
        ("GET /?a=1?2", "req.query", "a=1?2"),
        ("GET /", "next(req.params)", "nil"),
        ("GET /?a=%3D", "req.params.a", "="),
        ("GET /?a=x+y%20z%2B", "req.params.a", "x y z+"),
        ("GET /?%C3%BC=%c3%a9", "req.params['\\xC3\\xBC'] == '\\xC3\\xA9'", "true"),
        ("GET /?a=%00b", "#req.params.a", "2"),
        ("GET /?a=1&b=2&a=3", "req.params.a .. req.params.b", "32"),
        ("GET /?a=1&b=2&a=3", "table.concat(req.params_all.a, '|')", "1|3"),
        ("GET /?a=1&b=2&a=3", "table.concat(req.params_all.b, '|')", "2"),
        ("GET /?flag&&=x&a=1=2", "req.params.flag .. req.params.a .. req.params['']", "1=2x"),
        ("GET /?a=%zz%4", "req.params.a", "%zz%4"),
        ("GET /", "next(req.path_params)", "nil"),
        ("GET /users/a%2Fb%20c+d", "req.path_params.id", "a/b c+d"),
        ("GET /users/%zz", "req.path_params.id", "%zz"),
        ("GET /users/1/posts/2", "req.path_params.id .. ',' .. req.path_params.post", "1,2"),
        ("GET /", "req.body == ''", "true"),
        ("GET /", "req.unknown", "nil"),
        ("GET /", "(function() req.mine = 1 return req.mine end)()", "1"),
        (
            "GET /",
            names,
            "body headers headers_all json method params params_all path path_params peer_addr \
             query version",
        ),
    ] {
        client.send(format!("{line} HTTP/1.1\r\nHost: h\r\nShow: {expression}\r\n\r\n"));
        let response = client.response();
        assert_eq!((response.status, response.text().as_str()), (200, expected), "{line}");
    }
}

#[test]
fn a_request_shows_its_fields_joined_and_apart() {
    let serving = show();
    let mut client = Raw::connect(serving.port);
    for (fields, expression, expected) in [
        ("X-MiXed: a", "req.headers['x-mixed']", "a"),
        ("X-Mixed: a", "req.headers['X-Mixed']", "nil"),
        ("X-A: \t b  c \t", "'<' .. req.headers['x-a'] .. '>'", "<b  c>"),
        ("X-A:", "req.headers['x-a'] == ''", "true"),
        ("X-A: 1\r\nx-a: 2", "req.headers['x-a']", "1, 2"),
        ("X-A: 1\r\nx-a: 2", "table.concat(req.headers_all['x-a'], '|')", "1|2"),
        ("X-A: 1", "table.concat(req.headers_all['x-a'], '|')", "1"),
        ("Cookie: a=1\r\nCookie: b=2", "req.headers.cookie", "a=1; b=2"),
        ("Cookie: a=1\r\nCookie: b=2", "#req.headers_all.cookie", "2"),
        ("X-A: 1", "req.headers.host", "h"),
        ("X-A: 1", "req.headers_all['x-b']", "nil"),
    ] {
        client.send(format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\nShow: {expression}\r\n\r\n"));
        let response = client.response();
        assert_eq!((response.status, response.text().as_str()), (200, expected), "{fields}");
    }
    client.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-A: \xff\xfc\r\nShow: req.headers['x-a']\r\n\r\n");
    assert_eq!(client.response().body, b"\xff\xfc", "values are bytes");
}

#[test]
fn a_request_shows_the_address_it_came_from() {
    let serving = show();
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nShow: req.peer_addr\r\n\r\n");
    let peer = client.stream().local_addr().unwrap().to_string();
    assert_eq!(client.response().text(), peer);
}

#[test]
fn a_body_of_any_bytes_and_size_arrives_unharmed() {
    const KIB: usize = 1024;
    let serving = echo(&[]);
    let mut client = Raw::connect(serving.port);
    for size in [0, 1, 32 * KIB, 32 * KIB + 1, 64 * KIB + 1, 97 * KIB, KIB * KIB + 3, 8 * KIB * KIB]
    {
        let body = bytes(size);
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"));
        client.send(&body);
        let response = client.response();
        assert_eq!(response.status, 200);
        assert!(response.body == body, "{size} bytes came back as {}", response.body.len());
    }
}

#[test]
fn a_body_is_read_as_json_when_it_is_asked_for() {
    let serving = Serving::routes(
        &[],
        "",
        "{ POST = {
            ['/'] = function(req) return { json = { got = req:json().list[2] } } end,
            ['/null'] = function(req) return tostring(req.json()) end,
            ['/caught'] = function(req)
              local ok, e = pcall(req.json)
              return { json = { ok = ok, kind = e.kind, text = tostring(e) } }
            end,
        } }",
    );
    let mut client = Raw::connect(serving.port);
    let mut post = |path: &str, body: &str| {
        let length = body.len();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        client.response()
    };
    assert_eq!(post("/", r#"{"list":[1,9007199254740993]}"#).text(), r#"{"got":9007199254740993}"#);
    assert_eq!(post("/null", "null").text(), "nil");
    for body in ["", "{", "{}x", "\u{fffd}", "[1,]"] {
        let response = post("/", body);
        assert_eq!(response.status, 400, "{body}");
        assert!(!response.text().contains("traceback"), "{}", response.text());
        let caught = post("/caught", body);
        assert_eq!(caught.status, 200);
        assert!(caught.text().contains(r#""ok":false"#), "{}", caught.text());
        assert!(caught.text().contains("line 1"), "{}", caught.text());
    }
}

#[test]
fn handlers_share_the_state_of_their_script() {
    let serving = Serving::routes(
        &[],
        "local count = 0",
        "{ GET = { ['/'] = function() count = count + 1 return tostring(count) end } }",
    );
    assert_eq!(Raw::connect(serving.port).get("/").text(), "1");
    assert_eq!(Raw::connect(serving.port).get("/").text(), "2");
}

#[test]
fn a_handler_that_waits_delays_nobody() {
    let gate = Gate::new();
    let serving = Serving::routes(
        &[&gate.grant()],
        &gate.lua(),
        "{ GET = {
            ['/slow'] = function() return http.get(gate).body end,
            ['/fast'] = function() return 'fast' end,
        } }",
    );
    let mut slow = Raw::connect(serving.port);
    slow.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.wait_for(1);
    for _ in 0..3 {
        assert_eq!(Raw::connect(serving.port).get("/fast").text(), "fast");
    }
    gate.open();
    assert_eq!(slow.response().text(), "go");
}

#[test]
fn many_handlers_wait_at_once() {
    const COUNT: usize = 100;
    let gate = Gate::new();
    let serving = Serving::routes(
        &[&gate.grant()],
        &gate.lua(),
        "{ GET = { ['/:n'] = function(req) return http.get(gate).body .. req.path_params.n end } }",
    );
    let mut clients: Vec<_> = (0..COUNT).map(|_| Raw::connect(serving.port)).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    gate.wait_for(COUNT);
    gate.open();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("go{number}"));
    }
}

#[test]
fn a_handler_waits_in_every_way_a_script_can() {
    let upstream = Upstream::text("up");
    let serving = Serving::routes(
        &[&upstream.grant()],
        &format!("local up = '{}'", upstream.url("/")),
        "{ GET = {
            ['/sleep'] = function() sleep(0.001) return 'slept' end,
            ['/get'] = function() return http.get(up).body end,
            ['/pcall'] = function() return select(2, pcall(http.get, up)).body end,
            ['/spawn'] = function() return async.spawn(http.get, up):await()[1].body end,
            ['/all'] = function()
              local both = async.all{ function() return http.get(up) end, function() return http.get(up) end }
              return both[1].body .. both[2].body
            end,
            ['/wrap'] = function() return coroutine.wrap(function() return http.get(up).body end)() end,
            ['/close'] = function()
              local text
              do
                local _ <close> = setmetatable({}, { __close = function() text = http.get(up).body end })
              end
              return text
            end,
        } }",
    );
    let mut client = Raw::connect(serving.port);
    for (path, expected) in [
        ("/sleep", "slept"),
        ("/get", "up"),
        ("/pcall", "up"),
        ("/spawn", "up"),
        ("/all", "upup"),
        ("/wrap", "up"),
        ("/close", "up"),
    ] {
        let response = client.get(path);
        assert_eq!((response.status, response.text().as_str()), (200, expected), "{path}");
    }
}

#[test]
fn a_handler_may_only_fetch_what_is_granted() {
    let upstream = Upstream::text("up");
    let serving = Serving::routes(
        &[],
        &format!("local up = '{}'", upstream.url("/")),
        "{ GET = { ['/'] = function() return tostring(select(2, pcall(http.get, up))) end } }",
    );
    let text = Raw::connect(serving.port).get("/").text();
    assert!(text.contains(&upstream.grant()), "{text}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_server_may_fetch_from_itself() {
    let serving = Serving::routes(
        &["--allow-net=127.0.0.1:*"],
        "",
        "{ GET = {
            ['/'] = function() return 'inner' end,
            ['/outer'] = function()
              return 'outer ' .. http.get('http://127.0.0.1:' .. _SERVER_PORT .. '/').body
            end,
        } }",
    );
    assert_eq!(Raw::connect(serving.port).get("/outer").text(), "outer inner");
}

#[test]
fn a_body_that_the_script_has_no_memory_for_costs_only_its_own_request() {
    let serving = echo(&["--max-memory=16MiB", "--max-body=64MiB"]);
    let mut client = Raw::connect(serving.port);
    let size = 32 << 20;
    client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"));
    client.send(vec![b'x'; size]);
    let status = client.response().status;
    assert!([500, 503].contains(&status), "{status}");
    let mut client = Raw::connect(serving.port);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(client.response().body[..], b"ok"[..]);
}

#[test]
fn the_machinery_of_a_request_is_out_of_a_scripts_reach() {
    let serving = Serving::routes(
        &[],
        "",
        "{ GET = { ['/'] = function(req) return tostring(getmetatable(req)) .. tostring(pcall(setmetatable, req, {})) end } }",
    );
    assert_eq!(Raw::connect(serving.port).get("/").text(), "falsefalse");
}
