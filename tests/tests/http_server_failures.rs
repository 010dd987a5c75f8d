//! `http.serve`: handlers that fail, and responses that cannot be sent. The client learns an id, the
//! log learns why, the server lives.

#![expect(clippy::panic, reason = "tests")]

use tests::client::{Raw, Response};
use tests::run::{Run, Serving};

const CODE: &str = include_str!("../scripts/http_server/code.lua");

fn serve(flags: &[&str]) -> Serving {
    Run::script(&[&["--allow-listen=0"], flags].concat(), CODE).serve()
}

fn run(client: &mut Raw, path: &str, code: &str) -> Response {
    let length = code.len();
    client
        .send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{code}"));
    client.response()
}

/// The id of a failure as its client sees it.
#[track_caller]
fn id(response: &Response) -> String {
    let text = response.text();
    assert_eq!(response.status, 500, "{text}");
    let id =
        text.strip_prefix("internal server error (id ").and_then(|rest| rest.strip_suffix(')'));
    id.unwrap_or_else(|| panic!("not the text of a failure: {text:?}")).to_owned()
}

/// Each code fails; the log says why, beside the client's id; and the connection goes on.
#[track_caller]
fn all_fail(cases: &[(&str, &str)]) {
    let mut serving = serve(&[]);
    let mut client = Raw::connect(serving.port);
    for (code, why) in cases {
        let response = run(&mut client, "/", code);
        assert_eq!(response.headers("content-type"), ["text/plain; charset=utf-8"], "{code}");
        let line = serving.stderr_line(&format!("id={}", id(&response)));
        assert!(line.contains(why), "{code}\n{line}");
        assert_eq!(client.get("/alive").text(), "alive", "after {code}");
    }
}

#[test]
fn a_handler_that_raises_is_a_500() {
    all_fail(&[
        ("error('boom')", "handler:1: boom"),
        ("error('boom', 0)", "boom"),
        ("error({})", "table"),
        ("error()", "no error object"),
        ("error(setmetatable({}, { __tostring = function() return 'own text' end }))", "own text"),
        ("error(setmetatable({}, { __tostring = function() error('again') end }))", "POST /"),
        ("error(setmetatable({}, { __tostring = function() return 1 end }))", "POST /"),
        (
            "local x <close> = setmetatable({}, { __close = function() error('closing') end })",
            "closing",
        ),
        ("return nil + 1", "arithmetic"),
        ("local function f() return 1 + f() end return f()", "stack overflow"),
        ("return ('x'):rep(1e10)", "resulting string too large"),
        ("coroutine.yield()", "outside a coroutine"),
        ("async.spawn(function() error('inner') end):await()", "inner"),
        ("syntax error", "syntax error"),
        ("http.get('http://127.0.0.1:1/')", "--allow-net=127.0.0.1:1"),
        ("assert(false)", "assertion failed"),
    ]);
}

#[test]
fn a_result_that_is_no_response_is_a_500() {
    all_fail(&[
        ("return nil", "nil"),
        ("return", "no value"),
        ("return 5", "number"),
        ("return true", "boolean"),
        ("return print", "function"),
        ("return { body = {} }", "body"),
        ("return { body = true }", "body"),
        ("return { body = print }", "body"),
        ("return { json = print }", "function"),
        ("return { json = { a = print } }", "function"),
        ("return { json = 0/0 }", "NaN"),
        ("return { json = { 1/0 } }", "infinity"),
        ("return { json = '\\xff' }", "UTF-8"),
        ("return { json = { [1] = 1, a = 2 } }", "keys"),
        ("local t = {} t.t = t return { json = t }", "cycle"),
        ("local t = {} for i = 1, 1e4 do t = { t } end return { json = t }", "nesting"),
        ("return setmetatable({}, { __index = function() error('own index') end })", "own index"),
    ]);
}

#[test]
fn a_status_that_no_response_can_have_is_a_500() {
    let statuses = [
        "0", "-1", "99", "100", "101", "199", "600", "1000", "65736", "1e9", "200.5", "0/0", "1/0",
    ];
    let others = ["2^53", "math.mininteger", "'ok'", "{}", "true", "'200\\r\\nX: y'"];
    let codes: Vec<_> = statuses
        .iter()
        .chain(&others)
        .map(|status| format!("return {{ status = {status}, body = 'x' }}"))
        .collect();
    let cases: Vec<_> = codes.iter().map(|code| (code.as_str(), "status")).collect();
    all_fail(&cases);
}

#[test]
fn a_header_that_would_break_the_message_is_a_500() {
    let field =
        |name: &str, value: &str| format!("return {{ headers = {{ [{name}] = {value} }} }}");
    let mut codes = Vec::new();
    for value in ["a\\r\\nSet-Cookie: b=1", "a\\nb", "a\\rb", "a\\0b", "\\r\\n\\r\\nbody", "a\\x7f"]
    {
        codes.push(field("'Location'", &format!("'{value}'")));
        codes.push(field("'Location'", &format!("{{ 'fine', '{value}' }}")));
        codes.push(field("'Content-Type'", &format!("'{value}'")));
        codes.push(field(&format!("'X-{value}'"), "'x'"));
    }
    for name in ["''", "'a b'", "'a:'", "'a\\xFC'", "'(a)'", "1"] {
        codes.push(field(name, "'x'"));
    }
    for value in ["true", "print", "{ true }", "{ {} }", "{ 'a', print }"] {
        codes.push(field("'Location'", value));
    }
    codes.push("return { headers = 'Location: x' }".to_owned());
    let cases: Vec<_> = codes.iter().map(|code| (code.as_str(), "header")).collect();
    all_fail(&cases);
}

#[test]
fn framing_and_connection_headers_belong_to_the_host() {
    let codes: Vec<_> = [
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Proxy-Authenticate",
        "PROXY-CONNECTION",
    ]
    .iter()
    .map(|name| format!("return {{ headers = {{ ['{name}'] = '1' }}, body = 'abc' }}"))
    .collect();
    let cases: Vec<_> = codes.iter().map(|code| (code.as_str(), "belongs to the host")).collect();
    all_fail(&cases);
}

#[test]
fn the_log_has_id_route_and_traceback_and_the_client_only_the_id() {
    let mut serving = Serving::routes(
        &[],
        "local function deeper() error('secret words') end\nlocal function handler() deeper() end",
        "{ GET = { ['/users/:id'] = function(req) handler() return 'x' end } }",
    );
    let response = Raw::connect(serving.port).get("/users/7?token=hidden");
    let line = serving.stderr_line(&format!("id={}", id(&response)));
    for part in ["GET /users/7", "main.lua:1: secret words", "stack traceback", "main.lua:2"] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
    assert!(!line.contains("hidden"), "{line}");
    assert!(!response.text().contains("secret"));
}

#[test]
fn each_failure_has_an_id_of_its_own() {
    let serving = serve(&[]);
    let mut client = Raw::connect(serving.port);
    let first = id(&run(&mut client, "/", "error('x')"));
    assert_ne!(first, id(&run(&mut client, "/", "error('x')")));
}

#[test]
fn with_dev_the_client_sees_the_traceback_too() {
    let mut serving = serve(&["--dev"]);
    let response = run(&mut Raw::connect(serving.port), "/x", "error('shown')");
    let text = response.text();
    assert_eq!(response.status, 500);
    assert!(text.starts_with("internal server error (id "), "{text}");
    assert!(text.contains("handler:1: shown") && text.contains("stack traceback"), "{text}");
    serving.stderr_line("handler:1: shown");
}

#[test]
fn an_error_cannot_forge_a_line_of_the_log() {
    let mut serving = serve(&[]);
    let code = "error('a\\n2026-01-01T00:00:00.000Z ERROR forged\\27[2J')";
    let response = run(&mut Raw::connect(serving.port), "/", code);
    let line = serving.stderr_line("forged");
    assert!(line.contains(&id(&response)) && !line.contains('\x1b'), "{line:?}");
}

#[test]
fn a_task_that_fails_beside_its_handler_does_not_end_the_server() {
    let mut serving = serve(&[]);
    let mut client = Raw::connect(serving.port);
    let code = "async.spawn(function() error('left alone') end) return 'answered'";
    assert_eq!(run(&mut client, "/", code).text(), "answered");
    assert_eq!(client.get("/alive").text(), "alive");
    serving.stderr_line("left alone");
}

#[test]
fn header_sections_of_responses_are_bounded() {
    let mut serving = serve(&["--max-headers=5,1KiB"]);
    let mut client = Raw::connect(serving.port);
    let lines =
        |count: usize| format!("return {{ headers = {{ a = {{ {} }} }} }}", "'b',".repeat(count));
    // The content type is one of them.
    assert_eq!(run(&mut client, "/", &lines(4)).status, 200);
    for code in [&lines(6), "return { headers = { a = ('b'):rep(2000) } }"] {
        let response = run(&mut client, "/", code);
        let line = serving.stderr_line(&id(&response));
        assert!(line.contains("header fields"), "{line}");
    }
    assert_eq!(client.get("/alive").text(), "alive");
}

#[test]
fn an_answer_that_cannot_be_made_once_does_not_poison_the_next() {
    let serving = serve(&[]);
    let mut client = Raw::connect(serving.port);
    for _ in 0..200 {
        id(&run(&mut client, "/", "return { status = 99 }"));
    }
    assert_eq!(client.get("/alive").text(), "alive");
}
