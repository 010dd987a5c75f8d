//! Responses: the guest's, after its status and fields have been checked, and the host's own.

use bytes::Bytes;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::reply_body::ReplyBody;
use crate::limits::Limits;

/// The response of a handler.
///
/// # Errors
/// What makes it impossible to send, in one line without a field's value.
pub(super) fn from_guest(
    status: u16,
    headers: Vec<u8>,
    body: Vec<u8>,
    limits: &Limits,
) -> Result<Response<ReplyBody>, String> {
    let head = Head::from_guest(status, headers, limits)?;
    let body = if head.has_content() { Bytes::from(body) } else { Bytes::new() };
    Ok(head.with(body.into()))
}

/// Status and fields of a handler's response.
pub(super) struct Head {
    status: StatusCode,
    fields: HeaderMap,
}

impl Head {
    /// # Errors
    /// As [`from_guest`].
    pub(super) fn from_guest(
        status: u16,
        headers: Vec<u8>,
        limits: &Limits,
    ) -> Result<Self, String> {
        let status = match StatusCode::from_u16(status) {
            Ok(code) if (200..=599).contains(&status) => code,
            _ => return Err(format!("the status must be 200 to 599, got {status}")),
        };
        Ok(Self { status, fields: fields(headers, limits)? })
    }

    /// Whether responses with this status have content (RFC 9110, sections 15.3.5, 15.3.6, 15.4.5).
    pub(super) fn has_content(&self) -> bool {
        !matches!(
            self.status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        )
    }

    /// The whole response.
    pub(super) fn with(self, body: ReplyBody) -> Response<ReplyBody> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.fields;
        response
    }
}

/// A response of the host: a line of text. It ends the connection if the request was not read to its end.
pub(super) fn plain(
    status: StatusCode,
    text: impl Into<Bytes>,
    close: bool,
) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::from(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The 503 for what there is no room for.
pub(super) fn busy(close: bool) -> Response<ReplyBody> {
    plain(StatusCode::SERVICE_UNAVAILABLE, "the server is too busy\n", close)
}

/// The 500 of a handler that failed; `report` only if the client may see it.
pub(super) fn failure(id: &str, report: Option<&[u8]>) -> Response<ReplyBody> {
    let mut text = format!("internal server error (id {id})");
    if let Some(report) = report {
        text.push_str("\n\n");
        text.push_str(&String::from_utf8_lossy(report));
    }
    plain(StatusCode::INTERNAL_SERVER_ERROR, text, false)
}

/// The fields of a header block, none of which belongs to the host.
pub(super) fn fields(block: Vec<u8>, limits: &Limits) -> Result<HeaderMap, String> {
    if block.is_empty() {
        return Ok(HeaderMap::new());
    }
    if block.len() > limits.max_header_bytes {
        return Err(format!("the header fields have more than {} bytes", limits.max_header_bytes));
    }
    // The values stay where they are: slices of the one block.
    let block = Bytes::from(block);
    let mut headers = HeaderMap::with_capacity(4);
    let mut lines = 0;
    let mut at = 0;
    while at < block.len() {
        let (name, after_name) = part(&block, at)?;
        let (value, after_value) = part(&block, after_name)?;
        lines += 1;
        if lines > limits.max_header_lines {
            return Err(format!("more than {} header fields", limits.max_header_lines));
        }
        let name = HeaderName::from_bytes(block.get(name.clone()).unwrap_or_default())
            .map_err(|_| format!("invalid header name `{}`", block.slice(name).escape_ascii()))?;
        if belongs_to_host(&name) {
            return Err(format!("the header field `{name}` belongs to the host"));
        }
        let value = HeaderValue::from_maybe_shared(block.slice(value))
            .map_err(|_| format!("invalid value of the header field `{name}`"))?;
        headers.try_append(name, value).map_err(|_| "too many header fields".to_owned())?;
        at = after_value;
    }
    Ok(headers)
}

/// The bytes from `from` to the next NUL, and where the next part begins.
fn part(block: &[u8], from: usize) -> Result<(std::ops::Range<usize>, usize), String> {
    let rest = block.get(from..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| *byte == 0)
        .ok_or_else(|| "a header field holds a NUL or is cut off".to_owned())?;
    Ok((from..from + length, from + length + 1))
}

/// Framing and connection fields (RFC 9110, sections 7.6.1 and 8.6; RFC 9112, section 6).
fn belongs_to_host(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "content-length"
            | "transfer-encoding"
            | "connection"
            | "upgrade"
            | "keep-alive"
            | "te"
            | "trailer"
    ) || name.starts_with("proxy-")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use http_body_util::BodyExt;

    use super::*;

    fn guest(status: u16, block: &[u8]) -> Result<Response<ReplyBody>, String> {
        from_guest(status, block.to_vec(), b"body".to_vec(), &Limits::default())
    }

    #[test]
    fn repeated_fields_stay_separate_and_in_order() {
        let response = guest(200, b"Set-Cookie\0a\0X-Y\0 z\0set-cookie\0b\0").unwrap();
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
        assert_eq!(response.headers().len(), 3);
    }

    #[test]
    fn a_status_outside_200_to_599_is_refused() {
        for status in [0, 99, 100, 101, 199, 600, 999, 1000, u16::MAX] {
            assert!(guest(status, b"").unwrap_err().contains("200 to 599"), "{status}");
        }
        assert!(guest(200, b"").is_ok());
        assert!(guest(599, b"").is_ok());
    }

    #[test]
    fn fields_that_would_break_the_message_are_refused_without_their_value() {
        for (block, message) in [
            (&b"a\0b\r\nc: secret\0"[..], "invalid value of the header field `a`"),
            (b"a\0\n\0", "invalid value of the header field `a`"),
            (b"a\0\x7f\0", "invalid value of the header field `a`"),
            (b"a b\0c\0", "invalid header name `a b`"),
            (b"a\r\n\0c\0", "invalid header name `a\\r\\n`"),
            (b"\0c\0", "invalid header name ``"),
            (b"a\0b\0c\0", "a header field holds a NUL or is cut off"),
            (b"a\0b", "a header field holds a NUL or is cut off"),
        ] {
            assert_eq!(guest(200, block).unwrap_err(), message);
        }
    }

    #[test]
    fn framing_belongs_to_the_host() {
        for name in [
            "Content-Length",
            "transfer-encoding",
            "CONNECTION",
            "Upgrade",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Proxy-Connection",
            "Proxy-Authenticate",
        ] {
            let error = guest(200, format!("{name}\x001\0").as_bytes()).unwrap_err();
            let name = name.to_ascii_lowercase();
            assert_eq!(error, format!("the header field `{name}` belongs to the host"));
        }
    }

    #[test]
    fn header_sections_are_bounded_in_lines_and_bytes() {
        let limits = Limits::default();
        assert!(guest(200, &b"a\0b\0".repeat(limits.max_header_lines)).is_ok());
        assert!(guest(200, &b"a\0b\0".repeat(limits.max_header_lines + 1)).is_err());
        let mut large = b"a\0".to_vec();
        large.resize(limits.max_header_bytes, b'b');
        large.push(0);
        assert!(guest(200, &large).unwrap_err().contains("bytes"));
    }

    #[tokio::test]
    async fn statuses_without_content_have_no_body() {
        for (status, bytes) in [(200, 4), (204, 0), (205, 0), (304, 0)] {
            let body = guest(status, b"").unwrap().into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes().len(), bytes, "{status}");
        }
    }
}
