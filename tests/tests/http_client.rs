//! `http` as a client: verbs, headers, responses, clients of one's own.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Arc, Barrier, Mutex};

use tests::run::{Finished, Run};
use tests::upstream::{Seen, Upstream};

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Runs a script with the upstream granted and its URL as the first argument.
fn call(upstream: &Upstream, script: &str) -> Finished {
    Run::script(&[&upstream.grant()], script).args([upstream.url("")]).finish()
}

/// The one request that `script` makes.
fn sent(script: &str) -> Seen {
    let upstream = Upstream::always(EMPTY);
    call(&upstream, script).ok();
    let [request] = upstream.seen().try_into().unwrap();
    request
}

/// What `script` prints about this response.
fn received(response: impl Into<Vec<u8>>, script: &str) -> String {
    let upstream = Upstream::start({
        let response = response.into();
        move |_, stream| {
            stream.write_all(&response).unwrap();
            false
        }
    });
    call(&upstream, script).ok()
}

#[test]
fn every_verb_sends_its_method_target_and_body() {
    for (code, line, body) in [
        ("http.get(u)", "GET /v?q=1 HTTP/1.1", ""),
        ("http.head(u)", "HEAD /v?q=1 HTTP/1.1", ""),
        ("http.delete(u)", "DELETE /v?q=1 HTTP/1.1", ""),
        ("http.post(u, 'b')", "POST /v?q=1 HTTP/1.1", "b"),
        ("http.put(u, 'b')", "PUT /v?q=1 HTTP/1.1", "b"),
        ("http.patch(u, 'b')", "PATCH /v?q=1 HTTP/1.1", "b"),
        ("http.post(u)", "POST /v?q=1 HTTP/1.1", ""),
        ("http.get(u, { body = 'b' })", "GET /v?q=1 HTTP/1.1", "b"),
        ("http.delete(u, { body = 'b' })", "DELETE /v?q=1 HTTP/1.1", "b"),
        ("http.request('OPTIONS', u)", "OPTIONS /v?q=1 HTTP/1.1", ""),
        ("http.request('PROPFIND', u, { body = 'b' })", "PROPFIND /v?q=1 HTTP/1.1", "b"),
        ("http.client():get(u)", "GET /v?q=1 HTTP/1.1", ""),
        ("http.client():head(u)", "HEAD /v?q=1 HTTP/1.1", ""),
        ("http.client():delete(u)", "DELETE /v?q=1 HTTP/1.1", ""),
        ("http.client():post(u, 'b')", "POST /v?q=1 HTTP/1.1", "b"),
        ("http.client():put(u, 'b')", "PUT /v?q=1 HTTP/1.1", "b"),
        ("http.client():patch(u, 'b')", "PATCH /v?q=1 HTTP/1.1", "b"),
        ("http.client():request('M-SEARCH', u)", "M-SEARCH /v?q=1 HTTP/1.1", ""),
    ] {
        let request = sent(&format!("local u = ... .. '/v?q=1' assert.eq(({code}).status, 200)"));
        assert_eq!(request.line, line, "{code}");
        assert_eq!(request.body, body.as_bytes(), "{code}");
    }
}

#[test]
fn header_values_are_texts_numbers_or_arrays_of_lines() {
    let request = sent(
        "http.get(..., { headers = { ['X-Text'] = 'a b', ['X-Number'] = 42, ['X-Empty'] = '',
           ['X-Many'] = { 'one', 2, 'three' }, ['X-None'] = {}, ['X-Bytes'] = 'caf\\xc3\\xa9' } })",
    );
    assert_eq!(request.headers("x-text"), ["a b"]);
    assert_eq!(request.headers("x-number"), ["42"]);
    assert_eq!(request.headers("x-empty"), [""]);
    assert_eq!(request.headers("x-many"), ["one", "2", "three"]);
    assert!(request.headers("x-none").is_empty());
    assert_eq!(request.headers("x-bytes"), ["café"]);
}

#[test]
fn the_host_frames_the_request() {
    let request = sent("http.post(..., ('x'):rep(10))");
    assert_eq!(request.headers("content-length"), ["10"]);
    assert_eq!(request.headers("host").len(), 1);
    assert!(request.headers("transfer-encoding").is_empty());
    for coding in ["gzip", "br", "zstd"] {
        assert!(request.headers("accept-encoding").concat().contains(coding), "{coding}");
    }
}

#[test]
fn the_query_option_is_encoded_and_appended() {
    for (address, query, target) in [
        ("/p", "{ q = 'a b&c' }", "/p?q=a+b%26c"),
        ("/p?x=1", "{ q = 'é' }", "/p?x=1&q=%C3%A9"),
        ("/p#part", "{ n = 3 }", "/p?n=3"),
        ("/p", "{ b = true, a = { 1, 2 } }", "/p?a=1&a=2&b=true"),
        ("/p", "{}", "/p"),
    ] {
        let request = sent(&format!("http.get(... .. '{address}', {{ query = {query} }})"));
        assert_eq!(request.line, format!("GET {target} HTTP/1.1"));
    }
}

#[test]
fn every_status_is_returned_and_none_raised() {
    for status in [200, 201, 299, 304, 400, 401, 404, 409, 418, 429, 500, 503, 599] {
        let response = format!("HTTP/1.1 {status} Some Words\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(received(response, "print(http.get(...).status)"), format!("{status}\n"));
    }
}

#[test]
fn repeated_response_headers_are_joined_and_all_are_kept() {
    let response = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-Mixed-CASE: v\r\n\
        set-cookie: b=2\r\nLink: <a>\r\nLINK: <b>\r\nCookie: c=1\r\nCookie: d=2\r\n\
        X-Bytes: caf\u{e9}\r\nContent-Length: 0\r\n\r\n";
    let said = received(
        response,
        "local r = http.get(...)
         print(r.headers['set-cookie'])
         print(table.concat(r.headers_all['set-cookie'], '|'))
         print(r.headers['x-mixed-case'], r.headers['X-Mixed-CASE'])
         print(r.headers.link, #r.headers_all.link)
         print(r.headers.cookie)
         print(r.headers['x-bytes'])
         print(#r.headers_all['x-mixed-case'], r.headers_all.nothing)",
    );
    let expected =
        "a=1; Path=/, b=2\na=1; Path=/|b=2\nv\tnil\n<a>, <b>\t2\nc=1; d=2\ncafé\n1\tnil\n";
    assert_eq!(said, expected);
}

#[test]
fn a_response_tells_its_url_and_version() {
    let upstream = Upstream::text("x");
    let said = call(
        &upstream,
        "local r = http.get(... .. '/a?b=c#d') print(r.url) print(r.version) print(r.body)",
    );
    assert_eq!(said.ok(), format!("{}\n1.1\nx\n", upstream.url("/a?b=c")));
    let old = "HTTP/1.0 200 OK\r\n\r\nuntil the end";
    assert_eq!(received(old, "print(http.get(...).body)"), "until the end\n");
}

#[test]
fn a_client_has_defaults_that_a_call_overrides() {
    let upstream = Upstream::always(EMPTY);
    let script = include_str!("../scripts/http_client/defaults.lua");
    call(&upstream, script).ok();
    let seen = upstream.seen();
    let targets: Vec<_> = seen.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        targets,
        [
            "GET /api/users HTTP/1.1",
            "GET /api/users HTTP/1.1",
            "GET /elsewhere HTTP/1.1",
            "POST /api/users HTTP/1.1",
            "GET /plain HTTP/1.1",
        ]
    );
    let values = |name| seen.iter().map(|request| request.headers(name)).collect::<Vec<_>>();
    assert_eq!(values("x-team"), [vec!["blue"], vec!["red"], vec!["blue"], vec!["blue"], vec![]]);
    assert_eq!(
        values("x-both"),
        [vec!["1", "2"], vec!["1", "2"], vec!["1", "2"], vec!["1", "2"], vec![]]
    );
    assert_eq!(values("content-type")[3], ["application/json"]);
}

#[test]
fn a_client_keeps_its_connection_and_shares_it_with_no_other() {
    let ports = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&ports);
    let upstream = Upstream::start(move |_, stream| {
        log.lock().unwrap().push(stream.peer_addr().unwrap().port());
        stream.write_all(EMPTY.as_bytes()).is_ok()
    });
    let script = "local a, b = http.client(), http.client()
        for _ = 1, 3 do a:get(...) end
        for _ = 1, 3 do b:get(...) end
        for _ = 1, 3 do http.get(...) end";
    call(&upstream, script).ok();
    let ports = ports.lock().unwrap();
    let of_each: Vec<HashSet<_>> = ports.chunks(3).map(|part| part.iter().collect()).collect();
    assert!(of_each.iter().all(|ports| ports.len() == 1), "{ports:?}");
    assert_eq!(ports.iter().collect::<HashSet<_>>().len(), 3, "{ports:?}");
}

#[test]
fn requests_of_several_coroutines_are_open_at_once() {
    let all_there = Barrier::new(3);
    let upstream = Upstream::start(move |_, stream| {
        all_there.wait();
        stream.write_all(EMPTY.as_bytes()).is_ok()
    });
    let script = "local u = ...
        local function fetch() return http.get(u).status end
        print(table.concat(async.all { fetch, fetch, fetch }, ' '))";
    assert_eq!(call(&upstream, script).ok(), "200 200 200\n");
}

#[test]
fn without_a_grant_nothing_is_sent() {
    let upstream = Upstream::text("secret");
    for code in [
        "http.get(...)",
        "http.post(..., 'x')",
        "http.request('GET', ...)",
        "http.client():put(..., 'x')",
        "http.client({ base_url = ... }):get('/x')",
    ] {
        let said = Run::script(&[], code).args([upstream.url("")]).finish().fails_with(1);
        let (address, flag) = (format!("127.0.0.1:{}", upstream.port), upstream.grant());
        let expected =
            format!("failed: net access to {address} is not granted (run with {flag})\n");
        assert!(said.starts_with("error: http.") && said.contains(&expected), "{said}");
    }
    assert!(upstream.seen().is_empty());
}
