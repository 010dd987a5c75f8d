//! Where a redirect leads and what goes along (RFC 9110, section 15.4; WHATWG fetch, "HTTP-redirect
//! fetch"). Pure: whether the next URL may be reached is for the network door.

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::fields::BODY_FIELDS;
use super::request::Message;
use crate::failure::{Failure, Kind};

/// The URL a response redirects to; none if it is no redirect.
///
/// # Errors
/// - `protocol`: it cannot be followed, because it is no URL, not HTTP, or gives up encryption.
pub(super) fn target(
    status: StatusCode,
    fields: &HeaderMap,
    from: &Url,
) -> Result<Option<Url>, Failure> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = fields.get(LOCATION) else { return Ok(None) };
    let to =
        std::str::from_utf8(location.as_bytes()).ok().and_then(|location| from.join(location).ok());
    let Some(to) = to else {
        return Err(refused(from, "its Location is not a URL"));
    };
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused(from, "it leads from https to http")),
        (_, "http" | "https") => Ok(Some(to)),
        _ => Err(refused(from, "it leads to something other than http or https")),
    }
}

/// Changes `message` into what is sent to the next URL.
pub(super) fn rewrite(message: &mut Message, status: StatusCode, from: &Url, to: &Url) {
    let becomes_get = match status.as_u16() {
        301 | 302 => message.method == Method::POST,
        303 => message.method != Method::HEAD && message.method != Method::GET,
        _ => false,
    };
    if becomes_get {
        message.method = Method::GET;
        message.body = None;
        for name in BODY_FIELDS {
            message.fields.remove(name);
        }
    }
    // Any field may be a credential; another origin gets none, and does not hand them on either.
    if from.origin() != to.origin() {
        message.fields.clear();
    }
}

/// A redirect that is not followed. `from` names the server that sent it, not what was asked of it.
pub(super) fn refused(from: &Url, why: &str) -> Failure {
    let host = from.host_str().unwrap_or_default();
    Failure::new(Kind::Protocol, format!("the redirect sent by {host} is not followed: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use bytes::Bytes;
    use reqwest::header::HeaderValue;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn location(status: u16, from: &str, location: &[u8]) -> Result<Option<Url>, Failure> {
        let mut fields = HeaderMap::new();
        fields.insert(LOCATION, HeaderValue::from_bytes(location).unwrap());
        target(StatusCode::from_u16(status).unwrap(), &fields, &url(from))
    }

    fn sent(method: Method, status: u16, to: &str) -> Message {
        let mut message =
            Message { method, fields: HeaderMap::new(), body: Some(Bytes::from_static(b"x")) };
        for name in ["authorization", "cookie", "x-api-key", "content-type"] {
            message.fields.insert(name, HeaderValue::from_static("secret"));
        }
        rewrite(
            &mut message,
            StatusCode::from_u16(status).unwrap(),
            &url("https://a.test/"),
            &url(to),
        );
        message
    }

    #[test]
    fn a_location_is_relative_to_the_url_that_answered() {
        let from = "https://a.test/b/c?d";
        for (text, to) in [
            (&b"e"[..], "https://a.test/b/e"),
            (b"/e?f", "https://a.test/e?f"),
            (b"//b.test/", "https://b.test/"),
            (b"https://b.test:8443/", "https://b.test:8443/"),
            ("/\u{fc}".as_bytes(), "https://a.test/%C3%BC"),
        ] {
            assert_eq!(location(302, from, text).unwrap().unwrap().as_str(), to);
        }
    }

    #[test]
    fn other_statuses_and_a_missing_location_are_final() {
        for status in [200, 201, 300, 304, 305, 306, 399, 404] {
            assert_eq!(location(status, "https://a.test", b"/").unwrap(), None, "{status}");
        }
        assert_eq!(
            target(StatusCode::FOUND, &HeaderMap::new(), &url("https://a.test")).unwrap(),
            None
        );
    }

    #[test]
    fn redirects_that_lead_astray_are_refused() {
        for to in [
            &b"http://a.test/"[..],
            b"file:///etc/passwd",
            b"ftp://a.test",
            b"ws://a.test",
            b"data:,x",
            b"http://",
            b"https://[::1",
            b"\xff",
        ] {
            let failure = location(302, "https://a.test/?secret", to).unwrap_err();
            assert_eq!(failure.kind, Kind::Protocol);
            assert!(!failure.message.contains("secret"), "{}", failure.message);
        }
        assert!(location(302, "http://a.test", b"https://a.test/").unwrap().is_some());
    }

    #[test]
    fn methods_change_as_browsers_change_them() {
        for (method, status, becomes) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::POST, 303, Method::GET),
            (Method::POST, 307, Method::POST),
            (Method::POST, 308, Method::POST),
            (Method::PUT, 301, Method::PUT),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::DELETE, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::HEAD, 302, Method::HEAD),
        ] {
            let message = sent(method.clone(), status, "https://a.test/b");
            assert_eq!(message.method, becomes, "{method} {status}");
            let keeps = method == becomes;
            assert_eq!(message.body.is_some(), keeps, "{method} {status}");
            assert_eq!(message.fields.contains_key("content-type"), keeps, "{method} {status}");
            assert!(message.fields.contains_key("authorization"), "the origin is the same");
        }
    }

    #[test]
    fn another_origin_gets_no_field_of_the_script() {
        for to in ["https://b.test/", "https://a.test:8443/", "https://www.a.test/"] {
            assert!(sent(Method::POST, 307, to).fields.is_empty(), "{to}");
        }
        assert!(!sent(Method::POST, 307, "https://a.test:443/b").fields.is_empty());
    }
}
