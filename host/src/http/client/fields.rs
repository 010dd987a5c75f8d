//! Header fields between a script and the wire: which a script may set, and the block form of
//! `wit/types.wit` (name, NUL, value, NUL, …).

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::failure::{Failure, Kind};
use crate::limits::{Limits, MAX_CROSSING, MAX_HEADER_LINES};

/// Fields that frame the message or manage the connection (RFC 9110, section 7.6.1; RFC 9112,
/// section 6). If a script set them, the peer could be made to read the message otherwise than it was sent.
const HOST_FIELDS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
];

/// Fields that describe a body and go with it (WHATWG fetch, "request-body-header name").
pub(super) const BODY_FIELDS: [&str; 4] =
    ["content-encoding", "content-language", "content-location", "content-type"];

/// How much of a header section there may be.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Lines.
    pub(crate) lines: usize,
    /// Bytes of names and values.
    pub(crate) bytes: usize,
}

impl Bounds {
    /// The operator's, but no more than the HTTP library and one crossing hold.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            lines: limits.max_header_lines.min(MAX_HEADER_LINES),
            bytes: limits.max_header_bytes.min(MAX_CROSSING),
        }
    }
}

/// The fields of a block that a script made.
///
/// # Errors
/// - `invalid`: a field is malformed or belongs to the host; the message names it, never its value.
/// - `limit`: there are too many.
pub(crate) fn parse(block: &[u8], bounds: Bounds) -> Result<HeaderMap, Failure> {
    let mut fields = HeaderMap::new();
    if block.is_empty() {
        return Ok(fields);
    }
    let cut = || invalid("the header block ends within a field");
    let mut parts = block.strip_suffix(&[0]).ok_or_else(cut)?.split(|byte| *byte == 0);
    let mut left = bounds;
    while let Some(name) = parts.next() {
        let value = parts.next().ok_or_else(cut)?;
        let size = name.len().saturating_add(value.len());
        let (Some(lines), Some(bytes)) = (left.lines.checked_sub(1), left.bytes.checked_sub(size))
        else {
            return Err(Failure::new(
                Kind::Limit,
                format!(
                    "the request has more than {} header lines or {} bytes of them (--max-headers)",
                    bounds.lines, bounds.bytes
                ),
            ));
        };
        left = Bounds { lines, bytes };
        let (name, value) = field(name, value)?;
        fields.try_append(name, value).map_err(|_| {
            Failure::new(Kind::Limit, "the request has more header fields than can be sent")
        })?;
    }
    Ok(fields)
}

/// The fields of a response as a block, in their order.
///
/// # Errors
/// - `too-large`: there are too many.
pub(super) fn block(fields: &HeaderMap, bounds: Bounds) -> Result<Vec<u8>, Failure> {
    let bytes =
        fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum::<usize>();
    if fields.len() > bounds.lines || bytes > bounds.bytes {
        return Err(too_many(bounds));
    }
    let mut block = Vec::with_capacity(bytes);
    for (name, value) in fields {
        block.extend_from_slice(name.as_str().as_bytes());
        block.push(0);
        block.extend_from_slice(value.as_bytes());
        block.push(0);
    }
    Ok(block)
}

/// The response's header section is larger than it may be.
pub(crate) fn too_many(bounds: Bounds) -> Failure {
    Failure::new(
        Kind::TooLarge,
        format!(
            "the header section of the response has more than {} lines or {} bytes (--max-headers)",
            bounds.lines, bounds.bytes
        ),
    )
}

fn field(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), Failure> {
    let Ok(parsed) = HeaderName::from_bytes(name) else {
        return Err(invalid(&format!("invalid header name {}", quoted(name))));
    };
    if HOST_FIELDS.contains(&parsed.as_str()) || parsed.as_str().starts_with("proxy-") {
        return Err(invalid(&format!(
            "header {} belongs to the host, which frames messages and manages connections",
            quoted(name)
        )));
    }
    match HeaderValue::from_bytes(value) {
        Ok(value) => Ok((parsed, value)),
        Err(_) => Err(invalid(&format!(
            "invalid value for header {}: it holds a control character",
            quoted(name)
        ))),
    }
}

/// Script text as it may stand in a message: one short line.
pub(crate) fn quoted(text: &[u8]) -> String {
    let head: String = String::from_utf8_lossy(text).chars().take(64).collect();
    format!("\"{}\"", head.escape_debug())
}

fn invalid(message: &str) -> Failure {
    Failure::new(Kind::Invalid, message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const BOUNDS: Bounds = Bounds { lines: 3, bytes: 100 };

    #[test]
    fn fields_survive_both_ways_with_their_order_and_repetitions() {
        let fields = parse(b"X-B\0one\0x-b\0two\0x-a\0\xff\t\0", BOUNDS).unwrap();
        assert_eq!(block(&fields, BOUNDS).unwrap(), b"x-b\0one\0x-b\0two\0x-a\0\xff\t\0");
        assert!(parse(b"", BOUNDS).unwrap().is_empty());
    }

    #[test]
    fn fields_of_the_host_are_refused_by_name() {
        for name in [
            "Host",
            "CONTENT-LENGTH",
            "transfer-encoding",
            "Connection",
            "Upgrade",
            "Proxy-Authorization",
            "Proxy-X",
            "TE",
            "Trailer",
            "Keep-Alive",
        ] {
            let failure = parse(format!("{name}\0secret\0").as_bytes(), BOUNDS).unwrap_err();
            assert_eq!(failure.kind, Kind::Invalid);
            assert!(
                failure.message.starts_with(&format!("header \"{name}\" belongs to the host")),
                "{}",
                failure.message
            );
        }
    }

    #[test]
    fn malformed_fields_are_refused_without_their_values() {
        for block in [
            &b"x y\0secret\0"[..],
            b"\0secret\0",
            b"x:\0secret\0",
            b"x\r\ny\0secret\0",
            b"x\0secret\r\nz: 1\0",
            b"x\0secret\x7f\0",
            b"x\0secret",
            b"x",
            b"\xff\0secret\0",
        ] {
            let failure = parse(block, BOUNDS).unwrap_err();
            assert_eq!(failure.kind, Kind::Invalid);
            assert!(
                !failure.message.contains("secret") && !failure.message.contains('\n'),
                "{}",
                failure.message
            );
        }
    }

    #[test]
    fn both_directions_are_bounded_at_the_edge() {
        assert!(parse(b"a\0\0a\0\0a\0\0", BOUNDS).is_ok());
        assert_eq!(parse(b"a\0\0a\0\0a\0\0a\0\0", BOUNDS).unwrap_err().kind, Kind::Limit);
        let fits = parse(format!("a\0{}\0", "v".repeat(97)).as_bytes(), BOUNDS).unwrap();
        assert!(block(&fits, BOUNDS).is_ok());
        let over = parse(format!("a\0{}\0", "v".repeat(98)).as_bytes(), BOUNDS).unwrap();
        assert_eq!(block(&over, BOUNDS).unwrap_err().kind, Kind::TooLarge);
        assert_eq!(
            parse(format!("a\0{}\0", "v".repeat(100)).as_bytes(), BOUNDS).unwrap_err().kind,
            Kind::Limit
        );
    }

    #[test]
    fn fuzz_header_blocks() {
        let pieces = [
            "\0",
            "\0",
            "a",
            "X-A",
            "content-type",
            "host",
            "Content-Length",
            "proxy-x",
            "connection",
            "text",
            "\r\n",
            "\n",
            "\r",
            "\u{e4}",
            " ",
            "\t",
            ":",
            "\x7f",
        ];
        let bounds = Bounds { lines: 5, bytes: 60 };
        crate::fuzz::rounds(10_000, move |mut random| {
            let text = random.bytes(80, &pieces);
            match parse(&text, bounds) {
                Ok(fields) => {
                    assert!(fields.len() <= bounds.lines);
                    for (name, value) in &fields {
                        assert!(!HOST_FIELDS.contains(&name.as_str()), "{name}");
                        let steers = |byte: &u8| *byte != b'\t' && (*byte < b' ' || *byte == 0x7f);
                        assert!(!value.as_bytes().iter().any(steers), "{value:?}");
                    }
                    let wide = Bounds { bytes: 200, ..bounds };
                    let again = parse(&block(&fields, wide).unwrap(), wide).unwrap();
                    assert_eq!(again, fields);
                }
                Err(failure) => {
                    assert!(!failure.message.contains(char::is_control), "{}", failure.message);
                }
            }
        });
    }
}
