//! `http.serve`: what a handler may return, and how it stands on the wire.

#![expect(clippy::indexing_slicing, reason = "tests")]

use tests::client::{Raw, Response};
use tests::run::{Run, Serving};

/// A server that runs the body of a request as its handler.
struct Code {
    client: Raw,
    _serving: Serving,
}

impl Code {
    fn serve() -> Self {
        let script = include_str!("../scripts/http_server/code.lua");
        let serving = Run::script(&["--allow-listen=0"], script).serve();
        Self { client: Raw::connect(serving.port), _serving: serving }
    }

    fn run(&mut self, code: &str) -> Response {
        let length = code.len();
        self.client
            .send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{code}"));
        self.client.response()
    }
}

#[test]
fn what_a_handler_returns_is_what_the_client_gets() {
    const TEXT: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";
    let mut server = Code::serve();
    for (value, status, content_type, body) in [
        ("'hi'", 200, TEXT, "hi"),
        ("''", 200, TEXT, ""),
        ("{}", 200, TEXT, ""),
        ("{ body = 'x' }", 200, TEXT, "x"),
        ("{ body = 42 }", 200, TEXT, "42"),
        ("{ status = 201, body = 'made' }", 201, TEXT, "made"),
        ("{ status = 404.0, body = 'no' }", 404, TEXT, "no"),
        ("{ status = 299 }", 299, TEXT, ""),
        ("{ status = 599 }", 599, TEXT, ""),
        ("{ json = { a = 1 } }", 200, JSON, r#"{"a":1}"#),
        ("{ json = { 1, 2.5, 'x' } }", 200, JSON, r#"[1,2.5,"x"]"#),
        ("{ json = {} }", 200, JSON, "{}"),
        ("{ json = json.array{} }", 200, JSON, "[]"),
        ("{ json = { list = json.array{} } }", 200, JSON, r#"{"list":[]}"#),
        ("{ json = 'text' }", 200, JSON, r#""text""#),
        ("{ json = 9007199254740993 }", 200, JSON, "9007199254740993"),
        ("{ json = 1.5 }", 200, JSON, "1.5"),
        ("{ json = true }", 200, JSON, "true"),
        ("{ json = false }", 200, JSON, "false"),
        ("{ json = json.null }", 200, JSON, "null"),
        ("{ json = { 1 }, body = 'loses' }", 200, JSON, "[1]"),
        ("{ status = 418, json = { 'tea' } }", 418, JSON, r#"["tea"]"#),
        ("{ headers = { ['Content-Type'] = 'text/html' }, body = 'h' }", 200, "text/html", "h"),
        ("{ headers = { ['content-type'] = 'a/b+json' }, json = { 1 } }", 200, "a/b+json", "[1]"),
        ("{ headers = { ['CONTENT-TYPE'] = 'a/b' } }", 200, "a/b", ""),
        ("{ headers = {}, body = 'x' }", 200, TEXT, "x"),
        ("{ body = 'x' }, 'ignored'", 200, TEXT, "x"),
        ("setmetatable({}, { __index = { body = 'inherited' } })", 200, TEXT, "inherited"),
    ] {
        let response = server.run(&format!("return {value}"));
        let length = body.len().to_string();
        assert_eq!((response.status, response.text().as_str()), (status, body), "{value}");
        assert_eq!(response.headers("content-type"), [content_type], "{value}");
        assert_eq!(response.headers("content-length"), [length.as_str()], "{value}");
        assert_eq!(response.header("transfer-encoding"), None, "{value}");
    }
}

#[test]
fn header_values_are_strings_numbers_or_arrays_with_a_line_each() {
    let mut server = Code::serve();
    for (value, lines) in [
        ("'a'", &["a"][..]),
        ("''", &[""]),
        ("7", &["7"]),
        ("1.5", &["1.5"]),
        ("{ 'a', 'b' }", &["a", "b"]),
        ("{ 1, 'b', 2.5 }", &["1", "b", "2.5"]),
        ("{ 'a, b', 'a, b' }", &["a, b", "a, b"]),
        ("{}", &[]),
    ] {
        let response = server.run(&format!("return {{ headers = {{ ['X-Test'] = {value} }} }}"));
        assert_eq!((response.status, response.headers("x-test")), (200, lines.to_vec()), "{value}");
    }
    let response = server.run("return { headers = { ['X-Test'] = '\\xFC\\tx' } }");
    assert_eq!(response.status, 200, "bytes beyond ASCII are allowed");
}

#[test]
fn several_cookies_are_several_lines() {
    let response = Code::serve().run(
        "return {
            status = 200,
            headers = {
                ['Set-Cookie'] = { 'session=abc; Path=/; HttpOnly', 'csrf=xyz; Path=/' },
            },
            body = 'ok',
        }",
    );
    assert_eq!(
        response.headers("set-cookie"),
        ["session=abc; Path=/; HttpOnly", "csrf=xyz; Path=/"]
    );
    assert_eq!(response.text(), "ok");
}

#[test]
fn every_response_has_a_date() {
    assert!(Code::serve().run("return 'x'").header("date").is_some());
}

#[test]
fn a_body_of_any_bytes_and_size_arrives_unharmed() {
    let mut server = Code::serve();
    let response = server.run(
        "local t = {} for i = 0, 255 do t[#t + 1] = string.char(i) end return { body = table.concat(t) }",
    );
    assert_eq!(response.body, (0..=255).collect::<Vec<u8>>());
    for size in [65_535, 65_536, 65_537, 5_000_000, 20_000_000] {
        let response = server.run(&format!(
            "return {{ body = ('0123456789'):rep({size} // 10 + 1):sub(1, {size}) }}"
        ));
        assert_eq!(response.body.len(), size);
        assert!(response.body.iter().enumerate().all(|(at, byte)| *byte == b"0123456789"[at % 10]));
    }
}

#[test]
fn statuses_without_content_carry_none_and_the_connection_goes_on() {
    let mut server = Code::serve();
    for status in [204, 304] {
        let response = server.run(&format!("return {{ status = {status}, body = 'surplus' }}"));
        assert_eq!(response.status, status);
        assert_eq!(response.header("transfer-encoding"), None, "{status}");
        assert_eq!(server.run("return 'next'").text(), "next");
    }
    assert_eq!(server.run("return { status = 205, body = 'surplus' }").text(), "");
    assert_eq!(server.run("return 'next'").text(), "next");
}

#[test]
fn an_error_status_is_a_response_as_any_other() {
    let response = Code::serve().run("return { status = 500, body = 'own words' }");
    assert_eq!((response.status, response.text().as_str()), (500, "own words"));
}
