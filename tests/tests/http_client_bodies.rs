//! Bodies of requests and responses: JSON, any bytes, every framing, content codings.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::io::Write;

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
fn a_table_body_is_sent_as_json_with_one_content_type() {
    for (body, text) in [
        ("{ a = 1 }", "{\"a\":1}"),
        ("{ 1, 'x', true, json.null }", "[1,\"x\",true,null]"),
        ("{}", "{}"),
        ("json.array({})", "[]"),
        ("{ nested = { deep = {} } }", "{\"nested\":{\"deep\":{}}}"),
    ] {
        for code in [format!("post(..., {body})"), format!("get(..., {{ body = {body} }})")] {
            let request = sent(&format!("http.{code}"));
            assert_eq!(String::from_utf8_lossy(&request.body), text, "{code}");
            assert_eq!(request.headers("content-type"), ["application/json"], "{code}");
        }
    }
}

#[test]
fn a_content_type_of_the_caller_replaces_the_default_whatever_its_case() {
    for name in ["Content-Type", "content-type", "CONTENT-TYPE"] {
        let request = sent(&format!(
            "http.post(..., {{ a = 1 }}, {{ headers = {{ ['{name}'] = 'application/vnd.x+json' }} }})"
        ));
        assert_eq!(request.headers("content-type"), ["application/vnd.x+json"], "{name}");
    }
}

#[test]
fn a_text_body_has_no_content_type_of_its_own() {
    assert!(sent("http.post(..., 'plain')").headers("content-type").is_empty());
}

#[test]
fn an_empty_body_of_a_verb_that_has_one_is_announced_as_empty() {
    // RFC 9110, section 8.6; some servers answer 411 otherwise.
    for code in ["post(...)", "post(..., '')", "put(...)", "put(..., '')", "patch(..., '')"] {
        assert_eq!(sent(&format!("http.{code}")).headers("content-length"), ["0"], "{code}");
    }
    assert!(sent("http.get(...)").headers("content-length").is_empty());
}

#[test]
fn bodies_without_a_length_arrive_whole() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;ext=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: t\r\n\r\n";
    let until_close = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world";
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    for response in [chunked, until_close, interim] {
        let said = received(response, "local r = http.get(...) print(r.status, r.body)");
        assert_eq!(said, "200\thello world\n", "{response}");
    }
}

#[test]
fn responses_without_a_body_have_an_empty_one() {
    for (verb, response) in [
        ("get", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("get", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"),
        ("head", "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nContent-Encoding: gzip\r\n\r\n"),
    ] {
        let said = received(response, &format!("print('[' .. http.{verb}(...).body .. ']')"));
        assert_eq!(said, "[]\n", "{response}");
    }
}

#[test]
fn bodies_of_any_bytes_pass_unharmed_both_ways() {
    let upstream = Upstream::start(|request, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len());
        let answer = [head.as_bytes(), &request.body].concat();
        stream.write_all(&answer).is_ok()
    });
    let script = include_str!("../scripts/http_client/echo_bytes.lua");
    assert_eq!(call(&upstream, script).ok(), "0 1 256 65536 65537 3000000 same\n");
    let all: Vec<u8> = (0..=255).collect();
    let largest = upstream.seen().into_iter().last().unwrap();
    assert_eq!(largest.body.len(), 3_000_000);
    assert!(largest.body.chunks(256).all(|part| part == &all[..part.len()]));
}

#[test]
fn content_codings_are_decoded() {
    let plain = b"hello coding";
    for (coding, body) in [
        ("gzip", gzip_stored(plain)),
        ("br", brotli_stored(plain)),
        ("zstd", zstd_stored(plain)),
        ("identity", plain.to_vec()),
    ] {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let said = received([head.as_bytes(), &body].concat(), "print(http.get(...).body)");
        assert_eq!(said, "hello coding\n", "{coding}");
    }
}

/// RFC 1952 around one stored block of RFC 1951.
fn gzip_stored(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).unwrap();
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(plain);
    let sum = plain.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    });
    out.extend((!sum).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

/// RFC 7932: a window of 16 bits, one uncompressed meta-block, an empty last one.
fn brotli_stored(plain: &[u8]) -> Vec<u8> {
    let length = u32::try_from(plain.len()).unwrap();
    let header = ((length - 1) << 4 | 1 << 20).to_le_bytes();
    [&header[..3], plain, &[3]].concat()
}

/// RFC 8878: a single segment, its size in one byte, one raw block.
fn zstd_stored(plain: &[u8]) -> Vec<u8> {
    let length = u8::try_from(plain.len()).unwrap();
    let block = (u32::from(length) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, length][..], &block[..3], plain].concat()
}
