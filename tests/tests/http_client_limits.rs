//! How much and how many: what the script asks for, what the operator allows, which one is named.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::process::Command;
use std::sync::{Mutex, mpsc};

use tests::GUARD;
use tests::run::Run;
use tests::upstream::{Seen, Upstream};

/// Fetches the first argument with the second as `max_size`.
const FETCH: &str = "local url, size = ...
    local ok, r = pcall(http.get, url, { max_size = math.tointeger(size) })
    print(ok and #r.body or r.kind .. ' ' .. r.message)";

fn fetched(upstream: &Upstream, flags: &[&str], max_size: &str) -> String {
    let grant = upstream.grant();
    let flags = [&[grant.as_str()], flags].concat();
    Run::script(&flags, FETCH).args([upstream.url("/?s3cret"), max_size.to_owned()]).finish().ok()
}

fn with_length(length: usize) -> Upstream {
    Upstream::text(&"x".repeat(length))
}

fn chunked(length: usize) -> Upstream {
    let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    Upstream::always(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
}

/// A hundred thousand zeros in 132 bytes.
fn bomb() -> Upstream {
    let code = "import gzip,sys; sys.stdout.buffer.write(gzip.compress(bytes(100000)))";
    let packed = Command::new("python3").args(["-c", code]).output().unwrap().stdout;
    assert!((1..1000).contains(&packed.len()));
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    Upstream::always([head.as_bytes(), &packed].concat())
}

#[test]
fn a_body_as_large_as_max_size_is_taken_and_one_byte_more_is_not() {
    for (upstream, length) in [
        (with_length(70_000), 70_000),
        (chunked(70_000), 70_000),
        (bomb(), 100_000),
        (with_length(0), 0),
    ] {
        assert_eq!(fetched(&upstream, &[], &length.to_string()), format!("{length}\n"));
        assert_eq!(fetched(&upstream, &[], &(length + 1).to_string()), format!("{length}\n"));
        if length > 0 {
            let less = length - 1;
            let expected = format!(
                "too_large http.get failed: the response body is larger than max_size, {less} bytes\n"
            );
            assert_eq!(fetched(&upstream, &[], &less.to_string()), expected);
        }
    }
}

#[test]
fn max_size_bounds_the_decoded_size() {
    let said = fetched(&bomb(), &[], "5000");
    assert!(said.starts_with("too_large ") && said.contains("max_size, 5000 bytes"), "{said}");
}

#[test]
fn a_client_may_have_a_max_size_of_its_own() {
    let upstream = with_length(10);
    let script = "local client = http.client { max_size = 9 }
        print(select(2, pcall(client.get, client, ...)).kind)
        print(client:get(..., { max_size = 10 }).body)";
    let said = Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish().ok();
    assert_eq!(said, "too_large\nxxxxxxxxxx\n");
}

#[test]
fn the_operators_limit_holds_whatever_the_script_asks_for() {
    for upstream in [with_length(2000), chunked(2000), bomb()] {
        for max_size in ["", "1000000"] {
            let said = fetched(&upstream, &["--max-response=1KiB"], max_size);
            let text = "too_large http.get failed: the response body is larger than 1024 bytes (the operator's limit, --max-response)\n";
            assert_eq!(said, text);
        }
    }
    assert_eq!(fetched(&with_length(1024), &["--max-response=1KiB"], ""), "1024\n");
    assert_eq!(fetched(&with_length(2000), &["--max-response=none"], ""), "2000\n");
}

#[test]
fn a_body_that_is_too_large_does_not_end_the_script() {
    let upstream = Upstream::start(|request: &Seen, stream| {
        let length = if request.line.contains("big") { 5_000_000 } else { 5 };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &vec![b'x'; length]].concat()).is_ok()
    });
    let script = "for _ = 1, 3 do
          local ok, e = pcall(http.get, ... .. '/big', { max_size = 1000000 })
          print(e.kind, http.get(... .. '/small').body)
        end";
    let said = Run::script(&[&upstream.grant()], script).args([upstream.url("")]).finish().ok();
    assert_eq!(said, "too_large\txxxxx\n".repeat(3));
}

#[test]
fn a_header_section_past_the_limit_is_too_large() {
    let lines = |count: usize| {
        let lines: String = (0..count).map(|n| format!("X-{n}: v\r\n")).collect();
        Upstream::always(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 1\r\n\r\nx"))
    };
    assert_eq!(fetched(&lines(98), &[], ""), "1\n");
    let long =
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", "v".repeat(70_000));
    for upstream in [lines(101), lines(5000), Upstream::always(long)] {
        let said = fetched(&upstream, &[], "");
        assert!(
            said.starts_with("too_large http.get failed: the header section of the response"),
            "{said}"
        );
        assert!(said.contains("--max-headers"), "{said}");
    }
    assert!(fetched(&lines(10), &["--max-headers=5"], "").starts_with("too_large "));
}

#[test]
fn more_request_headers_than_allowed_are_a_limit() {
    let upstream = Upstream::text("x");
    let script = "local headers = {} for i = 1, 101 do headers['X-' .. i] = 'v' end
        local ok, e = pcall(http.get, ..., { headers = headers }) print(e.kind, e.message)
        ok, e = pcall(http.get, ..., { headers = { ['X-Long'] = ('v'):rep(70000) } }) print(e.kind)";
    let said = Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish().ok();
    assert!(
        said.starts_with("limit\thttp.get failed: ") && said.contains("--max-headers"),
        "{said}"
    );
    assert!(said.ends_with("limit\n"), "{said}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn more_requests_at_once_than_allowed_are_a_limit_and_the_others_go_on() {
    let ((let_go, may_go), (enter, entered)) = (mpsc::channel(), mpsc::channel());
    let may_go = Mutex::new(may_go);
    let entered = Mutex::new(entered);
    let upstream = Upstream::start(move |request: &Seen, stream| {
        if request.line.contains("held") {
            enter.send(()).unwrap();
            may_go.lock().unwrap().recv_timeout(GUARD).unwrap();
        } else if request.line.contains("release") {
            // Two are open; the third was refused before this one was sent.
            for _ in 0..2 {
                entered.lock().unwrap().recv_timeout(GUARD).unwrap();
                let_go.send(()).unwrap();
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
    });
    let script = include_str!("../scripts/http_client/outgoing.lua");
    let said = Run::script(&[&upstream.grant(), "--max-outgoing=3"], script)
        .args([upstream.url("")])
        .finish()
        .ok();
    let refused =
        "limit http.get failed: 3 exchanges are open already, which is the limit (--max-outgoing)";
    assert_eq!(said, format!("released ok\nok\nok\n{refused}\nafter ok\n"));
}
