//! Small bodies that become large, and bodies that are not coded as they say: row 23.

use std::io::Write;

use tests::arena::Arena;
use tests::folder::Folder;
use tests::footprint::{Footprint, peak_kib};
use tests::upstream::Upstream;

const GIB: usize = 1 << 30;

/// A GiB of zeros in 809 bytes.
const BROTLI: &[u8] = include_bytes!("../../scripts/attacks/gibibyte.br");

/// Zeros as gzip makes them (RFC 1951): one literal, then copies of 258 bytes with fixed codes.
fn gzip(copies: usize) -> Vec<u8> {
    gzip_after(&[0], copies)
}

/// The same after other bytes, of which the last is repeated; the checksum holds for zeros only.
fn gzip_after(begin: &[u8], copies: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b011, 3); // the last block, fixed codes
    for byte in begin {
        bits.code(0b0011_0000 + u64::from(*byte), 8); // literals below 144
    }
    for _ in 0..copies {
        bits.code(0b1100_0101, 8); // 258 bytes
        bits.code(0, 5); // from one byte back
    }
    bits.code(0, 7); // the end of the block
    let length = 1 + copies * 258;
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let sum = checksum(length);
    [&head[..], &bits.bytes(), &sum.to_le_bytes(), &(length as u32).to_le_bytes()].concat()
}

/// The CRC-32 of as many zeros (RFC 1952); wrong for more than are read to the end.
fn checksum(length: usize) -> u32 {
    if length > 1 << 27 {
        return 0;
    }
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| {
            (0..8).fold(byte, |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 })
        })
        .collect();
    !(0..length).fold(u32::MAX, |sum, _| sum >> 8 ^ table[(sum & 0xff) as usize])
}

/// Zeros as zstd makes them (RFC 8878): blocks of one byte that is repeated.
fn zstd(blocks: usize) -> Vec<u8> {
    let size = 128 * 1024_u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for number in 1..=blocks {
        let last = u32::from(number == blocks);
        let head = size << 3 | 1 << 1 | last;
        frame.extend(head.to_le_bytes().iter().take(3));
        frame.push(0);
    }
    frame
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, bits: u64, count: u32) {
        self.held |= bits << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes begin with their highest bit.
    fn code(&mut self, code: u64, count: u32) {
        self.put(code.reverse_bits() >> (64 - count), count);
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.bytes
    }
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    vec![("gzip", gzip(GIB / 258)), ("br", BROTLI.to_vec()), ("zstd", zstd(GIB / (128 * 1024)))]
}

/// A server whose answers are coded so.
fn coded(coding: &str, kind: &str, body: Vec<u8>) -> Upstream {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Upstream::start(move |_, stream| {
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&body).is_ok()
    })
}

/// What `/attack/unpack` says, and by how many KiB the process had grown when it said so.
fn unpack(upstream: &Upstream, flags: &[&str], way: &str) -> (String, u64) {
    let grant = upstream.grant();
    let arena = Arena::new(&[&[grant.as_str()], flags].concat());
    let before = Footprint::of(arena.serving.child.id()).memory_kib;
    let answer =
        arena.attack(&format!("unpack?way={way}&url={}", upstream.url("/"))).expect("an answer");
    let grown = peak_kib(arena.serving.child.id()).saturating_sub(before);
    // A script's memory does not shrink; a whole body has been in it.
    arena.finish(64 * 1024);
    (answer.text(), grown)
}

/// Answer: `too_large`, by the decoded size. Fails with `--max-response=none` (and `max_size` left out).
#[test]
fn attack_23_a_gibibyte_as_a_body() {
    for (coding, body) in bombs() {
        let upstream = coded(coding, "text/plain", body);
        for (way, flag) in [("whole", "--max-response"), ("asked", "max_size")] {
            let (said, grown) = unpack(&upstream, &["--max-response=1MiB"], way);
            assert!(
                said.starts_with("too_large ") && said.contains(flag),
                "{coding} {way}: {said}"
            );
            assert!(grown < 48 * 1024, "{coding} {way}: {grown} KiB");
        }
    }
}

/// Answer: pieces of at most 64 KiB, one after the other; nobody holds them. Fails if the body
/// is taken whole first.
#[test]
fn attack_23_a_bomb_in_pieces() {
    let size = 64 << 20;
    for (coding, body) in [("gzip", gzip(size / 258)), ("zstd", zstd(size / (128 * 1024)))] {
        let (said, grown) = unpack(&coded(coding, "text/plain", body), &[], "pieces");
        let mut words = said.split(' ');
        let mut number =
            |at| words.nth(at).and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
        assert!(said.starts_with("ok "), "{coding}: {said}");
        assert!(number(1) > size - 258, "{coding}: {said}");
        assert!(number(1) <= 64 * 1024, "{coding}: {said}");
        assert!(grown < 48 * 1024, "{coding}: {grown} KiB");
    }
}

/// Answer: `too_large`; an event has a limit. Fails without `EVENT_STREAM_MAX`.
#[test]
fn attack_23_a_bomb_as_an_event() {
    let body = gzip_after(b"data:x", GIB / 258);
    let (said, grown) = unpack(&coded("gzip", "text/event-stream", body), &[], "events");
    assert!(said.starts_with("too_large "), "{said}");
    assert!(grown < 96 * 1024, "{grown} KiB");
}

/// Answer: `too_large`, and no file; nobody had asked for a coding. Fails with `--max-download=none`.
#[test]
fn attack_23_a_bomb_as_a_download() {
    for (coding, body) in bombs() {
        let folder = Folder::new();
        let upstream = coded(coding, "text/plain", body);
        let write = format!("--allow-write={}", folder.path().display());
        let file = folder.path().join("file").display().to_string();
        let (said, grown) =
            unpack(&upstream, &["--max-download=1MiB", &write], &format!("download&file={file}"));
        assert!(said.starts_with("too_large "), "{coding}: {said}");
        assert!(grown < 48 * 1024, "{coding}: {grown} KiB");
        assert_eq!(folder.tree(), [""; 0]);
    }
}

/// Answer: what is coded twice is not unpacked twice: `protocol`, `too_large`, or the inner one as it is. Fails
/// without `SizeLimit::check`.
#[test]
fn attack_23_bombs_within_bombs_and_one_after_the_other() {
    let one = gzip(1 << 20);
    let many = one.repeat(4);
    for (coding, body) in [("gzip, gzip", one.clone()), ("br, gzip", one), ("gzip", many)] {
        let (said, grown) =
            unpack(&coded(coding, "text/plain", body), &["--max-response=8MiB"], "whole");
        assert!(!said.starts_with("ok 1073"), "{coding}: {said}");
        assert!(
            ["too_large", "protocol", "ok"].iter().any(|kind| said.starts_with(kind)),
            "{coding}: {said}"
        );
        assert!(grown < 80 * 1024, "{coding}: {grown} KiB");
    }
}

/// Answer: `protocol`; what is not coded as it says is no body. Fails if a decoder's failure is an
/// end.
#[test]
fn attack_23_codings_that_lie() {
    let good = gzip(10);
    let half = good.get(..good.len() - 12).expect("it is longer").to_vec();
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 1;
    for (what, coding, body) in [
        ("plain text", "gzip", b"hello, this is no gzip at all".to_vec()),
        ("plain text", "br", b"\xff\xff\xff\xff this is no brotli".to_vec()),
        ("plain text", "zstd", b"hello, this is no zstd at all".to_vec()),
        ("gzip", "zstd", good.clone()),
        ("zstd", "gzip", zstd(1)),
        ("half of it", "gzip", half),
        ("half of it", "zstd", zstd(2).get(..10).expect("it is longer").to_vec()),
        ("half of it", "br", BROTLI.get(..20).expect("it is longer").to_vec()),
        ("a wrong checksum", "gzip", wrong_sum),
    ] {
        let (said, _) = unpack(&coded(coding, "text/plain", body), &[], "whole");
        let refused = ["protocol ", "closed "].iter().any(|kind| said.starts_with(kind));
        assert!(refused, "{what} as {coding}: {said}");
    }
    // What nobody knows stays as it is.
    let (said, _) = unpack(&coded("lzma", "text/plain", b"hello".to_vec()), &[], "whole");
    assert_eq!(said, "ok 5 largest 5");
}
