//! Bytes of scripts and peers, made fit for a line of text.
//!
//! What a stranger wrote must not end a line, start another one, steer a terminal or reorder what
//! is read. Everything that could is written as an escape; all else stays as it is.

use std::fmt::Write;

/// Whether a character steers instead of showing: the control characters of both blocks, the line
/// separators of Unicode and its marks of writing direction.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends `bytes` with escapes such as `\n`, `\x1b`, `\u{202e}`; bytes that are not UTF-8 as `\xff`.
///
/// Characters that `keep` accepts stay as they are. Stops before `out` would exceed `end` bytes and
/// then returns false; the work is bounded by `end`, not by the length of `bytes`.
pub fn push_visible(
    out: &mut String,
    bytes: &[u8],
    end: usize,
    keep: impl Fn(char) -> bool,
) -> bool {
    push_each(out, bytes, end, |out, piece| match piece {
        Piece::Char(c) if !steers(c) || keep(c) => out.push(c),
        Piece::Char('\n') => out.push_str("\\n"),
        Piece::Char('\r') => out.push_str("\\r"),
        Piece::Char('\t') => out.push_str("\\t"),
        Piece::Char(c) if c.is_ascii() => {
            push_formatted(out, format_args!("\\x{:02x}", u32::from(c)))
        }
        Piece::Char(c) => push_formatted(out, format_args!("\\u{{{:x}}}", u32::from(c))),
        Piece::Byte(byte) => push_formatted(out, format_args!("\\x{byte:02x}")),
    })
}

/// Appends `bytes` as a JSON string with its quotes (RFC 8259, section 7), steering characters
/// escaped; bytes that are not UTF-8 become the text `\xff`.
///
/// Stops as [`push_visible`] does; the closing quote is written in any case, one byte past `end`.
pub fn push_json_string(out: &mut String, bytes: &[u8], end: usize) -> bool {
    out.push('"');
    let whole = push_each(out, bytes, end, |out, piece| match piece {
        Piece::Char('"') => out.push_str("\\\""),
        Piece::Char('\\') => out.push_str("\\\\"),
        Piece::Char('\n') => out.push_str("\\n"),
        Piece::Char('\r') => out.push_str("\\r"),
        Piece::Char('\t') => out.push_str("\\t"),
        Piece::Char(c) if steers(c) => push_unit(out, c),
        Piece::Char(c) => out.push(c),
        Piece::Byte(byte) => push_formatted(out, format_args!("\\\\x{byte:02x}")),
    });
    out.push('"');
    whole
}

/// JSON text with the steering characters of its strings escaped.
pub fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if steers(c) { push_unit(&mut out, c) } else { out.push(c) }
    }
    out
}

/// A word as a shell takes it.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/@%+".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

enum Piece {
    Char(char),
    Byte(u8),
}

fn push_each(
    out: &mut String,
    bytes: &[u8],
    end: usize,
    push: impl Fn(&mut String, Piece),
) -> bool {
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().chars().map(Piece::Char);
        let invalid = chunk.invalid().iter().copied().map(Piece::Byte);
        for piece in valid.chain(invalid) {
            let before = out.len();
            push(out, piece);
            if out.len() > end {
                out.truncate(before);
                return false;
            }
        }
    }
    true
}

/// A JSON escape. Every character that steers is one UTF-16 unit.
fn push_unit(out: &mut String, c: char) {
    push_formatted(out, format_args!("\\u{:04x}", u32::from(c)));
}

fn push_formatted(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn visible(bytes: &[u8]) -> String {
        let mut out = String::new();
        assert!(push_visible(&mut out, bytes, usize::MAX, |_| false));
        out
    }

    #[test]
    fn nothing_that_steers_a_terminal_stays() {
        assert_eq!(visible(b"a\nb\r\tc\x1b[31m\0\x7f"), "a\\nb\\r\\tc\\x1b[31m\\x00\\x7f");
        assert_eq!(
            visible("\u{9b}31m\u{202e}x\u{2028}".as_bytes()),
            "\\u{9b}31m\\u{202e}x\\u{2028}"
        );
        assert_eq!(visible("größe 😀".as_bytes()), "größe 😀");
        assert_eq!(visible(b"a\xff\xc3"), "a\\xff\\xc3");
    }

    #[test]
    fn what_is_kept_stays() {
        let mut out = String::new();
        push_visible(&mut out, b"a\n\tb\x1b", usize::MAX, |c| c == '\n' || c == '\t');
        assert_eq!(out, "a\n\tb\\x1b");
    }

    #[test]
    fn a_cut_falls_between_characters_and_escapes() {
        let mut out = String::new();
        assert!(!push_visible(&mut out, "aé\n".as_bytes(), 2, |_| false));
        assert_eq!(out, "a");
        out.clear();
        assert!(!push_visible(&mut out, b"ab\x1b", 5, |_| false));
        assert_eq!(out, "ab");
    }

    #[test]
    fn json_strings_hold_any_bytes_and_can_be_read_back() {
        let mut out = String::new();
        push_json_string(&mut out, b"q\"b\\n\n\x1b\xff\xc2\x9b", usize::MAX);
        assert!(out.is_ascii(), "{out}");
        let back: String = serde_json::from_str(&out).unwrap();
        assert_eq!(back, "q\"b\\n\n\x1b\\xff\u{9b}");
    }

    #[test]
    fn a_cut_json_string_is_still_a_json_string() {
        let mut out = String::new();
        assert!(!push_json_string(&mut out, &b"\x1b".repeat(1000), 100));
        assert!(out.len() <= 101);
        assert!(serde_json::from_str::<String>(&out).is_ok());
    }
}
