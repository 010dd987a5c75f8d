//! Requests and responses whose framing is a lie: rows 18, 20 and 21.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use tests::arena::{Arena, scripts};
use tests::client::Raw;
use tests::upstream::Upstream;
use tests::websocket::Frame;

/// What follows a request whose end is in doubt.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

fn arena(flags: &[&str]) -> Arena {
    Arena::of(flags, &scripts().join("web.lua"))
}

/// How many requests reached a handler.
fn handled(arena: &Arena) -> usize {
    Raw::connect(arena.serving.port).get("/count").text().parse().expect("a number")
}

/// Sends each of these with a whole request behind it. The first is answered with one of these statuses, then
/// the connection ends: what came behind is no request, and no handler saw either.
#[track_caller]
fn assert_refused(arena: &Arena, statuses: &[u16], requests: impl IntoIterator<Item = String>) {
    let mut accepted = Vec::new();
    for request in requests {
        let before = handled(arena);
        let (status, rest) = arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker.send(&request);
            attacker.send(SMUGGLED);
            (attacker.response().status, attacker.rest().len())
        });
        let handled = handled(arena) - before;
        if !statuses.contains(&status) || rest > 0 || handled > 0 {
            accepted.push(format!("{request:?}: {status}, {rest} bytes more, {handled} handled"));
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
}

fn post(fields: &str, body: &str) -> String {
    format!("POST /first HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n{body}")
}

/// Answer: 400 or 501, and the connection ends. Fails without the check of the codings in `request.rs`.
#[test]
fn attack_18_lengths_and_codings_that_two_parsers_read_differently() {
    let arena = arena(&[]);
    let fields = [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 5\x0c",
        "Content-Length: 5\x0b",
        "Content-Length: five",
        "Content-Length:",
        "Content-Length: 99999999999999999999999",
        "Content-Length : 5",
        "Content-Length\t: 5",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: chunked\x0c",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding:\r\n chunked",
    ];
    assert_refused(&arena, &[400, 501], fields.map(|fields| post(fields, "0\r\n\r\n")));
    arena.finish(0);
}

/// Answer: 400 and the end of the connection. Fails without `Framing::follow` (bare LF).
#[test]
fn attack_18_lines_that_are_none() {
    let arena = arena(&[]);
    let fields = [
        " Transfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\r\n\tTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\0Transfer-Encoding: chunked",
        "X: y\0",
        "X\0: y",
        "X\r: y",
        "no colon",
        ": no name",
        "X Y: z",
        "X\u{e9}: z",
    ];
    let heads = [
        "POST /first HTTP/1.1\nHost: h\r\n\r\n",
        "POST /first HTTP/1.1\r\nHost: h\n\r\n",
        "POST /first HTTP/1.1\r\nHost: h\r\n\n",
        "POST /first HTTP/1.1\nHost: h\n\n",
        "POST /first HTTP/1.1\rHost: h\r\r",
        "POST /first HTTP/1.1 \r\nHost: h\r\n\r\n",
        "POST /first  HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /first\tHTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /first\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /first HTTP/1.10\r\nHost: h\r\n\r\n",
        "POST /first HTTP/2.0\r\nHost: h\r\n\r\n",
        "POST /first http/1.1\r\nHost: h\r\n\r\n",
        "POST /first\r\nHost: h\r\n\r\n",
    ];
    let fields = fields.map(|fields| post(fields, "0\r\n\r\n"));
    assert_refused(&arena, &[400], fields.into_iter().chain(heads.map(str::to_owned)));
    arena.finish(0);
}

/// Answer: 400, or the one request by its chunks, and the end of the connection. Fails if
/// hyper keeps the connection.
#[test]
fn attack_18_a_length_beside_chunks() {
    let arena = arena(&[]);
    for (fields, body) in [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 40", "0\r\n\r\n"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", "1\r\na\r\n0\r\n\r\n"),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", "1\r\na\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5, 6", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: +5", "0\r\n\r\n"),
    ] {
        let before = handled(&arena);
        arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker.send(post(fields, body));
            attacker.send(SMUGGLED);
            let answer = attacker.response();
            let text = answer.text();
            assert!(answer.status == 400 || text.starts_with("POST /first "), "{fields:?}: {text}");
            attacker.expect_closed();
        });
        assert!(handled(&arena) <= before + 1, "{fields:?}: the smuggled request was handled");
    }
    arena.finish(0);
}

/// Answer: 400 and the end of the connection. Fails if `ChunkedState` of hyper took any of them.
#[test]
fn attack_18_chunks_that_are_none() {
    let arena = arena(&[]);
    let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(100_000));
    let chunks = [
        "G\r\nabc\r\n0\r\n\r\n",
        "-1\r\na\r\n0\r\n\r\n",
        "+1\r\na\r\n0\r\n\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        "\r\na\r\n0\r\n\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "1;x\ny\r\na\r\n0\r\n\r\n",
        "10000000000000001\r\na\r\n0\r\n\r\n",
        "fffffffffffffffff\r\na\r\n0\r\n\r\n",
        "1 1\r\na\r\n0\r\n\r\n",
        "1\r\na\r\n0\r\nX: y\nZ\r\n\r\n",
        "1\r\na\r\n0\r\n\n",
        &long,
    ];
    let requests = chunks.map(|chunks| post("Transfer-Encoding: chunked", chunks));
    assert_refused(&arena, &[400], requests);
    arena.finish(0);
}

/// Answer: 400 to a request whose host is in doubt. Fails without the check in `request.rs`.
#[test]
fn attack_18_hosts_that_disagree() {
    let arena = arena(&[]);
    let heads = [
        "GET /first HTTP/1.1\r\n",
        "GET /first HTTP/1.1\r\nHost: h\r\nHost: h\r\n",
        "GET /first HTTP/1.1\r\nHost: h\r\nhost: other\r\n",
        "GET /first HTTP/1.0\r\nHost: h\r\nHost: other\r\n",
        "GET http://h/first HTTP/1.1\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n",
    ];
    assert_refused(&arena, &[400, 501], heads.map(|head| format!("{head}\r\n")));
    arena.finish(0);
}

/// Answer: the body is body, whatever it looks like and whoever reads it. Fails if hyper
/// does not skip a body that nobody reads.
#[test]
fn attack_18_a_request_inside_a_body() {
    let arena = arena(&[]);
    let length = SMUGGLED.len();
    for (line, sees) in [
        ("GET /first HTTP/1.1", Some(format!("GET /first {SMUGGLED}"))),
        ("DELETE /first HTTP/1.1", Some(format!("DELETE /first {SMUGGLED}"))),
        ("OPTIONS /first HTTP/1.1", None),
        ("POST /unread HTTP/1.1", Some("enough".to_owned())),
        ("GET /count HTTP/1.1", None),
    ] {
        for chunked in [false, true] {
            let before = handled(&arena);
            let (fields, body) = match chunked {
                false => (format!("Content-Length: {length}"), SMUGGLED.to_owned()),
                true => (
                    "Transfer-Encoding: chunked".to_owned(),
                    format!("{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n"),
                ),
            };
            arena.during(|| {
                let mut attacker = Raw::connect(arena.serving.port);
                attacker.send(format!("{line}\r\nHost: h\r\n{fields}\r\n\r\n{body}"));
                // A request of its own, and the last.
                attacker.send("GET /count HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
                let answer = attacker.response();
                if let Some(sees) = &sees {
                    assert_eq!(&answer.text(), sees, "{line}");
                }
                // Where the body was not read to its end, the connection may end instead.
                if let Some(second) = attacker.read_response(false) {
                    assert!(second.text().parse::<usize>().is_ok(), "{line}: {}", second.text());
                }
                attacker.expect_closed();
            });
            assert!(handled(&arena) <= before + 1, "{line}: the body was handled as a request");
        }
    }
    arena.finish(0);
}

/// Answer: HTTP/1.0 has no chunks: 400, or the end after one answer. Fails if hyper takes the chunks and keeps the connection.
#[test]
fn attack_18_chunks_in_http_1_0() {
    let arena = arena(&[]);
    for fields in [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: chunked\r\nConnection: keep-alive",
    ] {
        let before = handled(&arena);
        arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker.send(format!("POST /first HTTP/1.0\r\n{fields}\r\n\r\n0\r\n\r\n{SMUGGLED}"));
            let answer = attacker.response();
            assert!(
                answer.status == 400 || answer.text().starts_with("POST /first "),
                "{fields:?}: {}",
                answer.text()
            );
            attacker.expect_closed();
        });
        assert!(handled(&arena) <= before + 1, "{fields:?}: the smuggled request was handled");
    }
    arena.finish(0);
}

/// Answer: 400, for a body before the 101 would be read as frames. Fails without the check for a body in `examine`.
#[test]
fn attack_18_an_upgrade_with_a_body() {
    let arena = arena(&[]);
    let frame = Frame::text("smuggled").bytes();
    for body in [SMUGGLED.as_bytes(), &frame] {
        for chunked in [false, true] {
            let length = body.len();
            let (field, before, after) = match chunked {
                false => (format!("Content-Length: {length}"), String::new(), ""),
                true => (
                    "Transfer-Encoding: chunked".to_owned(),
                    format!("{length:x}\r\n"),
                    "\r\n0\r\n\r\n",
                ),
            };
            let head = format!(
                "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                 X-Code: return {{ ws = function(conn) for m in conn:messages() do conn:write(m) end end }}\r\n\
                 {field}\r\n\r\n{before}"
            );
            let before = handled(&arena);
            let (answer, rest) = arena.during(|| {
                let mut attacker = Raw::connect(arena.serving.port);
                attacker.send([head.as_bytes(), body, after.as_bytes()].concat());
                let answer = attacker.response();
                attacker.stream().shutdown(Shutdown::Write).expect("it is open");
                (answer, String::from_utf8_lossy(&attacker.rest()).into_owned())
            });
            assert_eq!((answer.status, rest.as_str()), (400, ""), "{field}");
            assert!(handled(&arena) <= before + 1);
        }
    }
    arena.finish(0);
}

fn target(length: usize) -> String {
    format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(length - 1))
}

fn lines(count: usize) -> String {
    format!("GET /first HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(count - 1))
}

fn bytes(count: usize) -> String {
    let begin = "GET /first HTTP/1.1\r\nHost: h\r\nA: ";
    format!("{begin}{}\r\n\r\n", "b".repeat(count - begin.len() - 4))
}

/// Answer: 414, 431 or 400, and the end of the connection; up to the limit 200. Fails with `--max-headers=10000,4MiB`.
#[test]
fn attack_20_heads_that_are_too_large() {
    let arena = arena(&[]);
    for (name, request) in [
        ("the longest target", target(16 * 1024)),
        ("a hundred lines", lines(100)),
        ("64 KiB", bytes(64 * 1024)),
    ] {
        let mut client = Raw::connect(arena.serving.port);
        client.send(request);
        assert_eq!(client.response().status, 200, "{name}");
        assert_eq!(client.get("/innocent").text(), "well", "after {name}");
    }
    assert_refused(&arena, &[414], [target(16 * 1024 + 1)]);
    let long_name = format!("GET /first HTTP/1.1\r\nHost: h\r\n{}: b\r\n\r\n", "A".repeat(70_000));
    assert_refused(
        &arena,
        &[431],
        [
            lines(101),
            lines(1000),
            lines(10_000),
            bytes(64 * 1024 + 1),
            bytes(1024 * 1024),
            target(1024 * 1024),
            long_name,
        ],
    );
    let methods = [65, 1000, 60_000]
        .map(|length| format!("{} /first HTTP/1.1\r\nHost: h\r\n\r\n", "M".repeat(length)));
    assert_refused(&arena, &[400, 501], methods);
    arena.finish(0);
}

/// Answer: 431 or the end, long before a head that never ends has filled anything. Fails with `--max-headers=10000,1GiB`.
#[test]
fn attack_20_a_head_without_an_end() {
    let arena = arena(&[]);
    let before = tests::footprint::Footprint::of(arena.serving.child.id()).memory_kib;
    arena.during(|| {
        for piece in ["A".repeat(16 * 1024), "A: b\r\n".repeat(2048), "\r\n".repeat(8192)] {
            let attacker = Raw::connect(arena.serving.port);
            let mut stream = attacker.stream();
            if !piece.starts_with('\r') {
                stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n").expect("it is open");
            }
            // 64 MiB, if the server takes them.
            let taken =
                (0..4096).take_while(|_| stream.write_all(piece.as_bytes()).is_ok()).count();
            assert!(taken < 4096, "the server took all of it");
        }
    });
    let now = tests::footprint::Footprint::of(arena.serving.child.id()).memory_kib;
    assert!(now < before + 16 * 1024, "the server grew by {} KiB", now - before);
    arena.finish(0);
}

/// Answer: 400 or 431, and the end. Fails without hyper's limits on trailers.
#[test]
fn attack_20_trailers_that_are_too_large() {
    let arena = arena(&[]);
    let chunks =
        |trailers: String| post("Transfer-Encoding: chunked", &format!("0\r\n{trailers}\r\n"));
    assert_refused(
        &arena,
        &[400, 431],
        [chunks(format!("X: {}\r\n", "y".repeat(1024 * 1024))), chunks("X: y\r\n".repeat(100_000))],
    );
    arena.finish(0);
}

/// Answer: 413 as soon as it is too much; a handler that takes pieces takes them, and the memory stays. Fails with `--max-body=none`.
#[test]
fn attack_21_an_endless_chunked_body() {
    let arena = arena(&["--max-body=1MiB", "--body-timeout=500ms"]);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    let flood = |path: &str| {
        let attacker = Raw::connect(arena.serving.port);
        let mut stream = attacker.stream();
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it is open");
        let taken = (0..2048).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
        (taken, attacker)
    };
    // A body to come in the answer: it is refused before more than a few buffers full were sent.
    arena.during(|| assert!(flood("/first").0 < 2048, "128 MiB were taken"));
    arena.during(|| {
        let (_, mut attacker) = flood("/drain");
        // It stops without an end: the handler, which does not expect that, fails.
        assert_eq!(attacker.response().status, 500);
        attacker.expect_closed();
    });
    arena.during(|| drop(flood("/unread")));
    arena.finish(16 * 1024);
}

/// Answer: none or 400; what is cut off reaches no handler. Fails if
/// `body::collect` takes a broken body for a whole one.
#[test]
fn attack_21_bodies_shorter_than_they_say() {
    let arena = arena(&[]);
    for request in [
        "",
        "GET",
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
    ] {
        arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker.send(request);
            attacker.stream().shutdown(Shutdown::Write).expect("it is open");
            let answer = String::from_utf8_lossy(&attacker.rest()).into_owned();
            assert!(
                answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
                "{request:?}: {answer}"
            );
        });
    }
    assert_eq!(handled(&arena), 0);
    arena.finish(0);
}

/// What `/attack/fetch` says about a server that answers so and then closes, or keeps the connection.
fn fetched(
    flags: &[&str],
    query: &str,
    answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
) -> (String, usize) {
    let upstream = Upstream::start(move |_, stream| answer(stream));
    let grant = upstream.grant();
    let arena = Arena::new(&[&[grant.as_str()], flags].concat());
    let url = upstream.url("/");
    let answer = arena.attack(&format!("fetch?url={url}{query}")).expect("an answer");
    arena.finish(8 * 1024);
    assert_eq!(answer.status, 200);
    (answer.text(), upstream.seen().len())
}

/// Answer: `too_large` for the body, `too_large` for the head, `timeout` for 100s without an end. Fails with `--max-response=none`.
#[test]
fn attack_21_responses_without_an_end() {
    let endless = |head: &'static str, piece: String| {
        move |stream: &mut TcpStream| {
            let _ = stream.write_all(head.as_bytes());
            // 256 MiB, if the client takes them.
            let pieces = 256 * 1024 * 1024 / piece.len();
            (0..pieces).take_while(|_| stream.write_all(piece.as_bytes()).is_ok()).count() == pieces
        }
    };
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let until_close = "HTTP/1.1 200 OK\r\n\r\n";
    for (head, piece, kind) in [
        (chunked, chunk.clone(), "too_large "),
        (until_close, chunk, "too_large "),
        ("HTTP/1.1 200 OK\r\n", "A: b\r\n".repeat(10_000), "too_large "),
        ("HTTP/1.1 200 OK\r\nA: ", "A".repeat(65536), "too_large "),
        ("HTTP/1.1 200 ", "A".repeat(65536), ""),
        (chunked, format!("1;{}", "x".repeat(65536)), "protocol "),
    ] {
        let (said, _) = fetched(&["--max-response=1MiB"], "&timeout=5", endless(head, piece));
        assert!(said.starts_with(kind) && !said.starts_with("200"), "{head:?}: {said}");
    }
    let announcements = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    let (said, _) = fetched(&[], "&timeout=0.3", endless("", announcements));
    assert!(said.starts_with("timeout "), "{said}");
}

/// Answer: `closed` or `protocol`, never half a body as if it were whole. Fails if hyper's length check were off.
#[test]
fn attack_21_responses_that_end_early_or_lie() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshor",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nG\r\nshort\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\ns",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nshort\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nshorts",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nshorts",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nX Y: z\r\nContent-Length: 5\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nshort",
        "HTTP/1.1 99 OK\r\nContent-Length: 5\r\n\r\nshort",
        "HTTP/3.1 200 OK\r\nContent-Length: 5\r\n\r\nshort",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nshort",
        "<html>no HTTP</html>",
        "\x15\x03\x01\x00\x02\x02\x0a",
    ] {
        let (said, _) = fetched(&[], "", move |stream| {
            let _ = stream.write_all(answer.as_bytes());
            false
        });
        let kind = said.split(' ').next().unwrap_or_default().to_owned();
        assert!(["closed", "protocol", "connect"].contains(&kind.as_str()), "{answer:?}: {said}");
    }
}

/// Answer: what follows a whole response answers nothing. Fails if hyper keeps a
/// connection with unasked bytes.
#[test]
fn attack_21_a_response_that_nobody_asked_for() {
    let real = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal";
    let forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    for real in
        [real, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nreal\r\n0\r\n\r\n"]
    {
        let (said, requests) = fetched(&[], "&times=5", move |stream| {
            stream.write_all(format!("{real}{forged}").as_bytes()).is_ok()
        });
        assert!(!said.contains("forged"), "{said}");
        assert_eq!((said.matches("200 4 real").count(), requests), (5, 5), "{said}");
    }
}
