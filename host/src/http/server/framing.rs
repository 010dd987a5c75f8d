//! Follows, beside hyper's parser, where the requests of a connection begin and end.
//!
//! It answers two things hyper does not tell: whether part of a head has arrived (a head has another
//! time limit than an idle connection), and whether a line of a head ends in a bare LF. hyper takes
//! that for a line end (RFC 9112, section 2.2, allows it), but a proxy in front that does not would
//! see other fields than we do, so it is refused here.
//!
//! What this module cannot follow is always something hyper or the service answers by closing; from
//! there on the connection is [`Place::Lost`]. A field that says where the body ends, but is longer than
//! what is kept of a line, hyper could follow: it is refused as a bare LF is.

use std::io::BufRead;

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";

/// Where in its requests a connection is, after the bytes seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between two requests.
    Boundary,
    /// Within a head.
    Head,
    /// Within a body.
    Body,
    /// In bytes that are no request.
    Lost,
}

/// The follower of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    line: Line,
    length: Option<u64>,
    chunked: bool,
}

/// Each state names what comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The first line of a head, or empty lines before it; then `Fields`.
    Start,
    /// A field line, or the empty line that ends the head; then `Start`, `Body` or `ChunkSize`.
    Fields,
    /// This many bytes of body; then `Start`.
    Body(u64),
    /// Hexadecimal digits, of which this is the value so far; then `ChunkExtension` or `ChunkSizeEnd`.
    ChunkSize(u64),
    /// Anything up to CR; then `ChunkSizeEnd`.
    ChunkExtension(u64),
    /// The LF of a size line; then `ChunkData`, or `Trailers` after the last chunk.
    ChunkSizeEnd(u64),
    /// This many bytes of a chunk; then `ChunkDataEnd`.
    ChunkData(u64),
    /// CR, then LF; then `ChunkSize`.
    ChunkDataEnd(u8),
    /// A trailer line, or the empty line that ends the body; then `Start`.
    Trailers,
    /// Never left.
    Lost,
}

impl Framing {
    /// The follower of a new connection.
    pub(super) fn new() -> Self {
        Self { state: State::Start, line: Line::default(), length: None, chunked: false }
    }

    /// Where the connection is.
    pub(super) fn place(&self) -> Place {
        match self.state {
            State::Start if self.line.length == 0 => Place::Boundary,
            State::Start | State::Fields => Place::Head,
            State::Lost => Place::Lost,
            _ => Place::Body,
        }
    }

    /// Takes the next bytes of the connection. A bare LF in a head becomes a NUL, which no part of a
    /// head may contain, so that hyper answers 400 and closes.
    pub(super) fn follow(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.state {
                State::Start | State::Fields | State::Trailers => self.line(rest),
                State::Body(left) => self.skip(rest, left, State::Body, State::Start),
                State::ChunkData(left) => {
                    self.skip(rest, left, State::ChunkData, State::ChunkDataEnd(b'\r'))
                }
                State::ChunkSize(_)
                | State::ChunkExtension(_)
                | State::ChunkSizeEnd(_)
                | State::ChunkDataEnd(_) => self.chunk_byte(rest),
                State::Lost => return,
            };
            rest = rest.get_mut(taken..).unwrap_or_default();
        }
    }

    fn line(&mut self, rest: &mut [u8]) -> usize {
        // The standard library's memchr, under the only name it has.
        let taken = (&*rest).skip_until(b'\n').unwrap_or(rest.len());
        let Some((end, begin)) = rest.get_mut(..taken).and_then(<[u8]>::split_last_mut) else {
            return taken;
        };
        if *end != b'\n' {
            self.line.extend(begin);
            self.line.extend(&[*end]);
            return taken;
        }
        let before = begin.last().copied().unwrap_or(self.line.last);
        if before != b'\r' {
            *end = 0;
            self.state = State::Lost;
            return taken;
        }
        // How a line was cut into reads must not matter: what is kept of it decides.
        self.line.extend(begin);
        let line = std::mem::take(&mut self.line);
        let (text, whole) = line.text();
        if !whole && matches!(self.state, State::Fields) && is_about_framing(text) {
            *end = 0;
            self.state = State::Lost;
            return taken;
        }
        self.line_ended(text);
        taken
    }

    fn line_ended(&mut self, line: &[u8]) {
        match self.state {
            State::Start if line.is_empty() => {}
            State::Start => self.state = State::Fields,
            State::Fields if line.is_empty() => self.head_ended(),
            State::Fields => self.field(line),
            State::Trailers if line.is_empty() => self.state = State::Start,
            _ => {}
        }
    }

    fn field(&mut self, line: &[u8]) {
        if !is_about_framing(line) {
            return;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return };
        if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            match length(value) {
                Some(length) if self.length.is_none_or(|known| known == length) => {
                    self.length = Some(length);
                }
                _ => self.state = State::Lost,
            }
        } else if value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
        } else {
            self.state = State::Lost;
        }
    }

    fn head_ended(&mut self) {
        let length = self.length.take().unwrap_or(0);
        self.state = if std::mem::take(&mut self.chunked) {
            State::ChunkSize(0)
        } else if length == 0 {
            State::Start
        } else {
            State::Body(length)
        };
    }

    fn skip(&mut self, rest: &[u8], left: u64, same: fn(u64) -> State, next: State) -> usize {
        let here = rest.len() as u64;
        if here < left {
            self.state = same(left - here);
            return rest.len();
        }
        self.state = next;
        usize::try_from(left).unwrap_or(rest.len())
    }

    fn chunk_byte(&mut self, rest: &[u8]) -> usize {
        let Some(byte) = rest.first() else { return 0 };
        self.state = match (self.state, *byte) {
            (State::ChunkSize(size), b'\r') => State::ChunkSizeEnd(size),
            (State::ChunkSize(_), b'\n') => State::Lost,
            (State::ChunkSize(size), byte) => match char::from(byte).to_digit(16) {
                Some(_) if size >> 60 != 0 => State::Lost,
                Some(digit) => State::ChunkSize(size << 4 | u64::from(digit)),
                None => State::ChunkExtension(size),
            },
            (State::ChunkExtension(size), b'\r') => State::ChunkSizeEnd(size),
            (State::ChunkExtension(_), b'\n') => State::Lost,
            (same @ State::ChunkExtension(_), _) => same,
            (State::ChunkSizeEnd(0), b'\n') => State::Trailers,
            (State::ChunkSizeEnd(size), b'\n') => State::ChunkData(size),
            (State::ChunkDataEnd(b'\r'), b'\r') => State::ChunkDataEnd(b'\n'),
            (State::ChunkDataEnd(b'\n'), b'\n') => State::ChunkSize(0),
            _ => State::Lost,
        };
        1
    }
}

/// Whether a field line, of which this is the beginning, says where the body ends.
fn is_about_framing(line: &[u8]) -> bool {
    // Most fields are told from these by their first letter.
    matches!(line.first(), Some(b'c' | b'C' | b't' | b'T'))
        && line.split(|byte| *byte == b':').next().is_some_and(|name| {
            name.eq_ignore_ascii_case(CONTENT_LENGTH)
                || name.eq_ignore_ascii_case(TRANSFER_ENCODING)
        })
}

/// A line that arrives in parts: only its beginning matters.
#[derive(Debug)]
struct Line {
    kept: [u8; Self::KEPT],
    length: usize,
    last: u8,
}

impl Line {
    /// Room for `Transfer-Encoding: chunked` and for any `Content-Length`, with some white space.
    const KEPT: usize = 64;

    fn extend(&mut self, part: &[u8]) {
        let free = self.kept.get_mut(self.length.min(Self::KEPT)..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(part) {
            *to = *from;
        }
        self.length = self.length.saturating_add(part.len());
        self.last = part.last().copied().unwrap_or(self.last);
    }

    /// The line without its CR, and whether that is all of it.
    fn text(&self) -> (&[u8], bool) {
        let text = self.kept.get(..self.length.saturating_sub(1).min(Self::KEPT));
        (text.unwrap_or_default(), self.length <= Self::KEPT)
    }
}

impl Default for Line {
    fn default() -> Self {
        Self { kept: [0; Self::KEPT], length: 0, last: 0 }
    }
}

fn length(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "tests")]

    use super::*;
    use crate::fuzz::rounds;

    /// The place after `text`, which must not depend on how it was cut into reads.
    fn place(text: &str) -> Place {
        let whole = {
            let mut framing = Framing::new();
            framing.follow(&mut text.as_bytes().to_vec());
            framing.place()
        };
        for size in 1..9 {
            let mut framing = Framing::new();
            for part in text.as_bytes().chunks(size) {
                framing.follow(&mut part.to_vec());
            }
            assert_eq!(framing.place(), whole, "in reads of {size}: {text:?}");
        }
        whole
    }

    #[test]
    fn a_request_without_a_body_ends_with_its_head() {
        assert_eq!(place(""), Place::Boundary);
        assert_eq!(place("G"), Place::Head);
        assert_eq!(place("GET / HTTP/1.1\r\n"), Place::Head);
        assert_eq!(place("GET / HTTP/1.1\r\nHost: a\r\n\r"), Place::Head);
        assert_eq!(place("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Place::Boundary);
        assert_eq!(place("\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n"), Place::Boundary);
    }

    #[test]
    fn a_length_is_followed_to_the_end_of_the_body() {
        let head = "POST / HTTP/1.1\r\ncontent-LENGTH: \t 5 \r\n\r\n";
        assert_eq!(place(head), Place::Body);
        assert_eq!(place(&format!("{head}\n\n\n\n")), Place::Body);
        assert_eq!(place(&format!("{head}\n\n\n\n\n")), Place::Boundary);
        assert_eq!(place(&format!("{head}12345G")), Place::Head);
        assert_eq!(place("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), Place::Boundary);
    }

    #[test]
    fn chunks_are_followed_to_the_end_of_the_trailers() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(place(&format!("{head}A\r\n0123\n56789\r\n")), Place::Body);
        assert_eq!(place(&format!("{head}2;a=\"b\"\r\n\n\n\r\n0\r\n")), Place::Body);
        assert_eq!(place(&format!("{head}2\r\n\n\n\r\n0\r\nX: y\r\n\r\n")), Place::Boundary);
        assert_eq!(place(&format!("{head}0\r\n\r\nGET ")), Place::Head);
    }

    #[test]
    fn a_bare_line_feed_in_a_head_becomes_a_nul() {
        for text in
            ["GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nA: b\nB: c\r\n\r\n", "\nGET"]
        {
            assert_eq!(place(text), Place::Lost, "{text:?}");
            let mut bytes = text.as_bytes().to_vec();
            Framing::new().follow(&mut bytes);
            let at = text.find("1\n").map_or(text.find("b\n").map_or(0, |at| at + 1), |at| at + 1);
            assert_eq!(bytes[at], 0, "{text:?}");
        }
    }

    #[test]
    fn a_field_too_long_to_follow_is_refused_however_it_arrives() {
        for field in ["Content-Length", "transfer-encoding"] {
            let text = format!("POST / HTTP/1.1\r\n{field}:{}4\r\n\r\nabcd", " ".repeat(70));
            assert_eq!(place(&text), Place::Lost, "{field}");
            let mut bytes = text.into_bytes();
            Framing::new().follow(&mut bytes);
            assert!(bytes.contains(&0), "{field}");
        }
        let others = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "c".repeat(70));
        assert_eq!(place(&others), Place::Boundary);
    }

    /// Random heads and bodies: how they are cut changes neither where they end nor what is passed on.
    #[test]
    fn fuzz_cuts_change_nothing() {
        let pieces = [
            "GET / HTTP/1.1\r\n",
            "POST /a HTTP/1.1\r\n",
            "Host: h\r\n",
            "Content-Length: 3\r\n",
            "content-length:",
            "Content-Length: 12\r\n",
            "Transfer-Encoding: chunked\r\n",
            "transfer-encoding:",
            "                                 ",
            "chunked",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "\r",
            "3\r\nabc\r\n",
            "0\r\n\r\n",
            "0\r\nX: y\r\n\r\n",
            "A;x=\"y\"\r\n",
            "ffffffffffffffff",
            "a: b\r\n",
            "c: dddddddddddddddddddddddddddddddddddddd",
            "5",
            "abcde",
        ];
        rounds(3000, move |mut random| {
            let text = random.bytes(300, &pieces);
            let (mut whole, mut cut) = (text.clone(), text.clone());
            let (mut at_once, mut in_parts) = (Framing::new(), Framing::new());
            at_once.follow(&mut whole);
            let mut rest = cut.as_mut_slice();
            while !rest.is_empty() {
                let size = 1 + random.below(rest.len().min(40));
                let (part, behind) = rest.split_at_mut(size);
                in_parts.follow(part);
                rest = behind;
            }
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(in_parts.place(), at_once.place(), "{shown:?}");
            assert_eq!(cut, whole, "{shown:?}");
        });
    }

    #[test]
    fn framing_that_two_parsers_could_read_differently_is_not_followed() {
        for field in [
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length:",
            "Content-Length: 99999999999999999999",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: xchunked",
        ] {
            assert_eq!(
                place(&format!("POST / HTTP/1.1\r\n{field}\r\n\r\n")),
                Place::Lost,
                "{field}"
            );
        }
        for chunk in ["1\n", "1\r\r", "1\r\nab", "10000000000000000\r\n", "1;\n"] {
            let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
            assert_eq!(place(&text), Place::Lost, "{chunk:?}");
        }
    }
}
