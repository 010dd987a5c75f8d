//! `http.serve` on the wire: where requests begin and end, and what is no request (RFC 9112).
//! What is made to deceive stands in `attacks/framing.rs`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::Shutdown;

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::Serving;

/// Answers with method, path and body; `/count` with how many other requests came; `/wait` when the
/// gate opens.
fn serve(gate: &Gate) -> Serving {
    let before = format!(
        "{}
        local count = 0
        local function show(req)
          count = count + 1
          return req.method .. ' ' .. req.path .. ' ' .. req.body
        end",
        gate.lua()
    );
    Serving::routes(
        &[&gate.grant()],
        &before,
        "{ ANY = {
            ['/*'] = show,
            ['/count'] = function() return tostring(count) end,
            ['/wait'] = function(req) return http.get(gate).body end,
        } }",
    )
}

/// How many requests reached a handler.
fn count(serving: &Serving) -> usize {
    Raw::connect(serving.port).get("/count").text().parse().unwrap()
}

#[test]
fn a_connection_takes_one_request_after_the_other() {
    let serving = serve(&Gate::new());
    let mut client = Raw::connect(serving.port);
    for path in ["/a", "/b", "/c"] {
        let response = client.get(path);
        assert_eq!(response.text(), format!("GET {path} "));
        assert_ne!(response.header("connection"), Some("close"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let gate = Gate::new();
    let serving = serve(&gate);
    let mut client = Raw::connect(serving.port);
    client.send(
        "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n\
         POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
         HEAD /c HTTP/1.1\r\nHost: h\r\n\r\n\
         POST /d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n\
         \r\nGET /e HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    gate.wait_for(1);
    gate.open();
    assert_eq!(client.response().text(), "go");
    assert_eq!(client.response().text(), "POST /b abc");
    assert_eq!(client.head_response().header("content-length"), Some("8"));
    assert_eq!(client.response().text(), "POST /d xy");
    assert_eq!(client.response().text(), "GET /e ");
}

#[test]
fn a_request_may_come_in_single_bytes() {
    let serving = serve(&Gate::new());
    let mut client = Raw::connect(serving.port);
    for byte in
        b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    {
        client.send([*byte]);
    }
    assert_eq!(client.response().text(), "POST /a x");
}

#[test]
fn a_chunked_body_may_have_extensions_and_trailers() {
    let serving = serve(&Gate::new());
    let mut client = Raw::connect(serving.port);
    for (chunks, body) in [
        ("0\r\n\r\n", ""),
        ("3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("1\r\na\r\n00002\r\nbc\r\n0\r\n\r\n", "abc"),
        ("A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij"),
        ("1;name=value;other=\"x\"\r\na\r\n0;last\r\n\r\n", "a"),
        ("1\r\na\r\n0\r\nX-Trailer: 1\r\nContent-Length: 5\r\n\r\n", "a"),
    ] {
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n");
        client.send(chunks);
        assert_eq!(client.response().text(), format!("POST / {body}"), "{chunks:?}");
    }
}

#[test]
fn the_connection_ends_when_the_client_wants_it_to() {
    let serving = serve(&Gate::new());
    for (request, ends) in [
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", true),
        ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", false),
    ] {
        let mut client = Raw::connect(serving.port);
        client.send(request);
        let response = client.response();
        assert_eq!(response.status, 200, "{request}");
        if ends {
            client.expect_closed();
        } else {
            assert_eq!(client.get("/next").text(), "GET /next ", "{request}");
        }
    }
}

#[test]
fn a_client_that_expects_100_is_told_to_go_on() {
    let serving = serve(&Gate::new());
    let mut client = Raw::connect(serving.port);
    for framing in ["Content-Length: 3", "Transfer-Encoding: chunked"] {
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"
        ));
        assert_eq!(client.response().status, 100);
        client.send(if framing.starts_with('C') { "abc" } else { "3\r\nabc\r\n0\r\n\r\n" });
        assert_eq!(client.response().text(), "POST / abc");
    }
    client.send("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response().status, 200, "nothing to wait for");
}

#[test]
fn every_form_of_target_is_read() {
    let serving = serve(&Gate::new());
    let mut client = Raw::connect(serving.port);
    for (target, seen) in [
        ("/a?b", "/a"),
        ("http://h/a?b", "/a"),
        ("http://h", "/"),
        ("HTTP://other.example:81/x", "/x"),
    ] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(client.response().text(), format!("GET {seen} "), "{target}");
    }
    for request in ["CONNECT h:80 HTTP/1.1", "GET a HTTP/1.1", "GET  HTTP/1.1", "GET HTTP/1.1"] {
        let mut client = Raw::connect(serving.port);
        client.send(format!("{request}\r\nHost: h\r\n\r\n"));
        let status = client.response().status;
        assert!([400, 501].contains(&status), "{request}: {status}");
        client.expect_closed();
    }
    assert_eq!(count(&serving), 4);
}

#[test]
fn a_request_has_exactly_one_host() {
    let serving = serve(&Gate::new());
    for (head, status) in [
        ("GET / HTTP/1.1\r\nHost: h\r\n", 200),
        ("GET / HTTP/1.1\r\nHost:\r\n", 200),
        ("GET / HTTP/1.0\r\n", 200),
        ("GET / HTTP/1.1\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: h\r\nHost: other\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: h\r\nHost: other\r\n", 400),
        ("GET http://h/ HTTP/1.1\r\n", 400),
    ] {
        let mut client = Raw::connect(serving.port);
        client.send(format!("{head}\r\n"));
        assert_eq!(client.response().status, status, "{head:?}");
    }
}

#[test]
fn what_is_no_http_1_is_answered_or_dropped_and_harms_nobody() {
    let serving = serve(&Gate::new());
    let mut noise = Vec::new();
    let mut state = 1_u32;
    for _ in 0..4096 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.push((state >> 24) as u8);
    }
    let others: [&[u8]; 9] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.2.3\r\nHost: h\r\n\r\n",
        b"GET / HTTQ/1.1\r\nHost: h\r\n\r\n",
        b"GET / \r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0",
        b"(GET) / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\xff\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
    ];
    for bytes in others.into_iter().chain(noise.chunks(64)) {
        let mut client = Raw::connect(serving.port);
        client.send(bytes);
        client.stream().shutdown(Shutdown::Write).unwrap();
        let answer = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{bytes:?}: {answer}");
    }
    assert_eq!(count(&serving), 0);
}
