//! Responses that go on after their head: `return { stream = function(write) … end }`.

use std::io::Read;
use std::time::Duration;

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::Serving;
use tests::upstream::Upstream;

/// A server whose `GET /` answers with this function.
fn serve(flags: &[&str], before: &str, function: &str) -> Serving {
    let routes = format!(
        "{{ GET = {{
            ['/'] = function(req) return {{ stream = {function} }} end,
            ['/alive'] = function() return 'alive' end,
        }} }}"
    );
    Serving::routes(flags, before, &routes)
}

#[test]
fn each_write_is_sent_when_it_is_made() {
    let gate = Gate::new();
    let serving = serve(
        &[&gate.grant()],
        &gate.lua(),
        "function(write) write('one') write('') write(2) http.get(gate) write('\\0\\xff') end",
    );
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let head = client.head();
    assert_eq!(head.headers("content-type"), ["application/octet-stream"]);
    assert_eq!(head.headers("transfer-encoding"), ["chunked"]);
    let mut before = Vec::new();
    while before.len() < 4 {
        before.extend(client.chunk().unwrap_or_default());
    }
    assert_eq!(before, b"one2");
    gate.open();
    assert_eq!(client.rest_of_chunks(), (b"\0\xff".to_vec(), true));
    assert_eq!(client.get("/alive").text(), "alive");
}

#[test]
fn large_writes_are_cut_and_arrive_whole() {
    let serving = serve(
        &[],
        "",
        "function(write) for i = 1, 3 do write((tostring(i)):rep(5 * 1024 * 1024 + i)) end end",
    );
    let body = Raw::connect(serving.port).get("/").body;
    let mut at = 0;
    for digit in 1..=3_usize {
        let length = 5 * 1024 * 1024 + digit;
        let part = body.get(at..at + length).unwrap_or_default();
        assert!(part.len() == length && part.iter().all(|byte| usize::from(*byte) == 48 + digit));
        at += length;
    }
    assert_eq!(at, body.len());
}

#[test]
fn what_is_no_string_cannot_be_written() {
    let serving = serve(
        &[],
        "",
        "function(write)
            for _, value in ipairs{ {}, true, print } do
              local ok, e = pcall(write, value)
              write(tostring(ok) .. ' ' .. e .. '\\n')
            end
          end",
    );
    let text = Raw::connect(serving.port).get("/").text();
    for (line, kind) in text.lines().zip(["table", "boolean", "function"]) {
        assert!(
            line.starts_with("false ") && line.ends_with(&format!("must be a string, got {kind}"))
        );
    }
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn a_function_that_fails_breaks_the_body_and_is_logged() {
    let mut serving = serve(&[], "", "function(write) write('part') error('boom') end");
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.head();
    assert_eq!(client.rest_of_chunks(), (b"part".to_vec(), false));
    assert!(serving.stderr_line("request failed").contains("boom"));
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
}

#[test]
fn an_old_client_gets_the_body_until_the_connection_closes() {
    let serving = serve(&[], "", "function(write) write('one') write('two') end");
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.0\r\n\r\n");
    let head = client.head();
    assert_eq!(head.headers("transfer-encoding"), [""; 0]);
    assert_eq!(client.rest(), b"onetwo");
}

#[test]
fn head_gets_the_head_and_the_function_does_not_run() {
    let serving = serve(&[], "", "function(write) print('ran') end");
    let mut client = Raw::connect(serving.port);
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.head_response().headers("content-type"), ["application/octet-stream"]);
    assert_eq!(client.get("/alive").text(), "alive");
    serving.signal("TERM");
    assert_eq!(serving.finish().ok(), "after serve\n");
}

#[test]
fn a_server_that_stops_lets_a_body_end_and_cuts_it_after_the_grace_period() {
    let gate = Gate::new();
    let function = "function(write) write('a') http.get(gate) write('b') end";
    let serving = serve(&[&gate.grant()], &gate.lua(), function);
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.head();
    assert_eq!(client.chunk_text(), "a");
    let mut idle = Raw::connect(serving.port);
    assert_eq!(idle.get("/alive").text(), "alive");
    serving.signal("TERM");
    idle.expect_closed();
    gate.open();
    assert_eq!(client.rest_of_chunks(), (b"b".to_vec(), true));
    assert_eq!(serving.finish().ok(), "after serve\n");

    let gate = Gate::new();
    let serving = serve(&[&gate.grant(), "--grace-period=100ms"], &gate.lua(), function);
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    client.head();
    assert_eq!(client.chunk_text(), "a");
    serving.signal("TERM");
    assert_eq!(client.rest_of_chunks(), (Vec::new(), false));
    assert_eq!(serving.finish().code, 0);
}

#[test]
fn the_access_log_has_the_bytes_of_the_whole_body() {
    let mut serving = serve(
        &["--access-log=-"],
        "",
        "function(write) for _ = 1, 10 do write(('x'):rep(1000)) end end",
    );
    assert_eq!(Raw::connect(serving.port).get("/").body.len(), 10_000);
    let line = serving.next_line();
    assert!(line.contains("\"GET / HTTP/1.1\" 200 10000 "), "{line}");
}

#[test]
fn clients_that_leave_just_as_they_are_answered_leave_nothing_behind() {
    let handler = |field: &str, wait: &str| {
        format!(
            "function()
              for i = 1, 40000 do end
              return {{ {field} = function(peer)
                open = open + 1
                local closing <close> = setmetatable({{}}, {{ __close = function() open = open - 1 end }})
                {wait}
              end }}
            end"
        )
    };
    let routes = format!(
        "{{ GET = {{ ['/sse'] = {}, ['/ws'] = {}, ['/open'] = function() return tostring(open) end }} }}",
        handler("sse", "while true do peer(('x'):rep(1000)) end"),
        handler("ws", "sleep(3600)"),
    );
    let serving = Serving::routes(&[], "open = 0", &routes);
    let upgrade = tests::websocket::handshake().join("\r\n");
    for turn in 0..300_u64 {
        let mut client = Raw::connect(serving.port);
        client.send("GET /sse HTTP/1.1\r\nHost: h\r\n\r\n");
        let mut other = Raw::connect(serving.port);
        other.send(format!("GET /ws HTTP/1.1\r\nHost: h\r\n{upgrade}\r\n\r\n"));
        // Any moment will do; what counts is that there are many different ones.
        std::thread::sleep(Duration::from_micros(turn * 37 % 3000));
    }
    let mut client = Raw::connect(serving.port);
    while client.get("/open").text() != "0" {}
}

#[test]
fn an_old_client_too_sees_that_a_body_broke() {
    let serving = serve(&[], "", "function(write) write('part') error('boom') end");
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.0\r\n\r\n");
    let mut received = Vec::new();
    let ended = client.stream().read_to_end(&mut received);
    assert!(ended.is_err(), "{:?}", String::from_utf8_lossy(&received));
}

#[test]
fn only_bad_json_of_the_client_is_the_clients_fault() {
    let upstream = Upstream::always("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let mut serving =
        serve(&[&upstream.grant()], "", &format!("http.events('{}')()", upstream.url("/")));
    let mut client = Raw::connect(serving.port);
    assert_eq!(client.get("/").status, 500);
    assert!(serving.stderr_line("request failed").contains("400"));
}
