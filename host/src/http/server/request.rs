//! What a request must be beyond what hyper checks, and how its head travels to the guest.

use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};

use crate::limits::{MAX_METHOD, MAX_TARGET};

/// Why no handler sees a request: the status and the text it is answered with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) StatusCode, pub(super) &'static str);

/// Checks what hyper leaves to its users.
pub(super) fn check(parts: &Parts) -> Result<(), Refused> {
    if parts.method == Method::CONNECT {
        return Err(Refused(StatusCode::NOT_IMPLEMENTED, "CONNECT is not supported\n"));
    }
    if parts.method.as_str().len() > MAX_METHOD {
        return Err(Refused(StatusCode::NOT_IMPLEMENTED, "the method is too long\n"));
    }
    let path = parts.uri.path();
    if path.is_empty() {
        return Err(Refused(StatusCode::BAD_REQUEST, "the request target is not a path\n"));
    }
    if path.len() + parts.uri.query().map_or(0, str::len) > MAX_TARGET {
        return Err(Refused(StatusCode::URI_TOO_LONG, "the request target is too long\n"));
    }
    // RFC 9112, section 3.2: exactly one Host, unless the client is older than the field.
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => {}
        (None, _) if parts.version == Version::HTTP_10 => {}
        _ => return Err(Refused(StatusCode::BAD_REQUEST, "a request must have one Host field\n")),
    }
    // hyper takes any list that ends in `chunked` and leaves the other codings undone
    // (RFC 9112, section 6.1, asks for 501).
    let mut codings = parts.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refused(StatusCode::NOT_IMPLEMENTED, "the only transfer coding is chunked\n")),
    }
}

/// The version as the guest and the access log name it.
pub(super) fn version(version: Version) -> &'static str {
    if version == Version::HTTP_10 { "1.0" } else { "1.1" }
}

/// The head as `wit/http-server.wit` lays it out.
pub(super) fn head(parts: &Parts, peer: &str) -> Vec<u8> {
    let method = parts.method.as_str();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let line = method.len() + path.len() + query.len() + peer.len() + 8;
    let fields = parts.headers.iter();
    let size = fields.map(|(name, value)| name.as_str().len() + value.len() + 2).sum::<usize>();

    let mut head = Vec::with_capacity(line + size);
    let mut put = |part: &[u8]| {
        head.extend_from_slice(part);
        head.push(0);
    };
    put(method.as_bytes());
    put(path.as_bytes());
    put(query.as_bytes());
    put(version(parts.version).as_bytes());
    put(peer.as_bytes());
    for (name, value) in &parts.headers {
        put(name.as_str().as_bytes());
        put(value.as_bytes());
    }
    head
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use hyper::Request;

    use super::*;

    fn parts(target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn status(target: &str, fields: &[(&str, &str)]) -> u16 {
        check(&parts(target, fields)).map_or_else(|Refused(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn the_head_is_laid_out_as_the_contract_says_in_one_allocation() {
        let parts = parts("/a%20b?c=d&e", &[("Host", "h"), ("X-A", "1"), ("x-a", "2")]);
        let head = head(&parts, "127.0.0.1:1");
        let text = String::from_utf8(head.clone()).unwrap().replace('\0', "|");
        assert_eq!(text, "GET|/a%20b|c=d&e|1.1|127.0.0.1:1|host|h|x-a|1|x-a|2|");
        assert_eq!(head.capacity(), head.len());
    }

    #[test]
    fn a_request_has_one_host_field_unless_it_is_old() {
        assert_eq!(status("/", &[("host", "a")]), 200);
        assert_eq!(status("/", &[]), 400);
        assert_eq!(status("/", &[("host", "a"), ("host", "a")]), 400);
        let mut old = parts("/", &[]);
        old.version = Version::HTTP_10;
        assert!(check(&old).is_ok());
    }

    #[test]
    fn targets_are_paths_of_bounded_length() {
        let host = [("host", "a")];
        assert_eq!(status("http://a/b", &host), 200);
        assert_eq!(status("*", &host), 200);
        assert_eq!(status("a", &host), 400);
        assert_eq!(status(&format!("/{}", "a".repeat(MAX_TARGET - 1)), &host), 200);
        assert_eq!(status(&format!("/?{}", "a".repeat(MAX_TARGET)), &host), 414);
    }

    #[test]
    fn chunked_is_the_only_transfer_coding() {
        let with = |codings: &[&'static str]| {
            let mut fields = vec![("host", "a")];
            fields.extend(codings.iter().map(|coding| ("transfer-encoding", *coding)));
            status("/", &fields)
        };
        assert_eq!(with(&["Chunked"]), 200);
        assert_eq!(with(&["gzip, chunked"]), 501);
        assert_eq!(with(&["gzip", "chunked"]), 501);
    }
}
