//! A client that sends what no honest one would: valid requests of every kind, cut, joined and spoilt.

#![expect(clippy::indexing_slicing, reason = "a test harness fails by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::GUARD;
use crate::random::Random;

/// What a connection is made of.
const PIECES: [&[u8]; 44] = [
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /innocent HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    b"HEAD /json HTTP/1.1\r\nHost: h\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /read HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
    b"POST /read HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
    b"GET /sse HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n",
    b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"\x81\x85\0\0\0\0hello",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\x89\x80\0\0\0\0",
    b"\x01\xfe\xff\xff\0\0\0\0",
    b"GET http://h/json HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /a/b?c=d&e=%zz#f HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET ",
    b"POST ",
    b"/json",
    b" HTTP/1.1\r\n",
    b" HTTP/9.9\r\n",
    b"Host: h\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: 18446744073709551615\r\n",
    b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, upgrade\r\n",
    b"X: y\r\n z\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b":",
    b"ffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"3\r\nabc\r\n",
    b"\xff\xfe",
    b"%00%0d%0a",
];

/// Bytes that no honest peer would send, or that one might.
fn bytes(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    match random.below(8) {
        0 => (0..random.below(400)).for_each(|_| bytes.push(random.byte())),
        1 => bytes.resize(random.below(100_000), *random.pick(b"aA0 \r\n\0:")),
        _ => {
            for _ in 0..1 + random.below(6) {
                bytes.extend_from_slice(random.pick::<&[u8]>(&PIECES));
            }
        }
    }
    for _ in 0..random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = random.byte(),
            1 => bytes.truncate(at),
            2 => drop(bytes.remove(at)),
            _ => {
                let piece = *random.pick::<&[u8]>(&PIECES);
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
        }
    }
    bytes
}

/// One connection: sends bytes in random pieces, reads some or all of the answer, leaves at a random time.
/// Gives what was answered.
pub fn connection(port: u16, random: &mut Random) -> Vec<u8> {
    let bytes = bytes(random);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    stream.set_write_timeout(Some(GUARD)).unwrap();
    let mut answer = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let largest = *random.pick(&[1, 20, 1000, 100_000]);
        let (piece, behind) = rest.split_at(rest.len().min(1 + random.below(largest)));
        rest = behind;
        if stream.write_all(piece).is_err() {
            break;
        }
        if random.one_in(20) {
            let _ = read_some(&mut stream, &mut answer);
        }
    }
    match random.below(4) {
        0 => return answer,
        1 => {
            let _ = read_some(&mut stream, &mut answer);
            return answer;
        }
        _ => {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
    let begun = Instant::now();
    while read_some(&mut stream, &mut answer) {
        assert!(begun.elapsed() < GUARD, "the server neither answers nor closes");
    }
    answer
}

/// Whether more may come.
fn read_some(stream: &mut TcpStream, answer: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 64 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            answer.extend_from_slice(&buffer[..count]);
            true
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Asserts that bytes of the server's begin as responses do, and that the first one's head is whole and clean.
pub fn assert_http(answer: &[u8]) {
    if answer.is_empty() {
        return;
    }
    let shown = String::from_utf8_lossy(&answer[..answer.len().min(2000)]).into_owned();
    assert!(
        answer.starts_with(b"HTTP/1.1 ")
            || b"HTTP/1.1 ".starts_with(answer)
            || answer.starts_with(b"HTTP/1.0 "),
        "{shown:?}"
    );
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { return };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    assert!((100..600).contains(&status), "{shown:?}");
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        assert!(!name.is_empty() && name.chars().all(is_token), "{shown:?}");
        assert!(!value.contains(|c: char| c.is_control() && c != '\t'), "{shown:?}");
    }
}
