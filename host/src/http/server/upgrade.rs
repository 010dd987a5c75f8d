//! The WebSocket handshake, the server's side (RFC 6455, section 4.2).
//!
//! What a request says about it is looked at when the request arrives; whether it is acted on is for the
//! handler, which names the subprotocols and origins it accepts.

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::reply_body::ReplyBody;
use super::response;
use crate::limits::Limits;

/// What a client asked for.
#[derive(Debug)]
pub(super) struct Handshake {
    outcome: Result<HeaderValue, Reason>,
    protocols: Vec<String>,
    origin: Option<HeaderValue>,
}

/// What a handler accepts.
#[derive(Debug)]
pub struct UpgradeOptions {
    /// Header block of the 101 response.
    pub headers: Vec<u8>,
    /// Subprotocols, the preferred first, each followed by a NUL.
    pub protocols: Vec<u8>,
    /// Origins, each followed by a NUL; none if all may connect.
    pub origins: Option<Vec<u8>>,
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The request does not ask for it.
    NotAsked,
    /// In another version than 13.
    Version,
    /// In a way that breaks the protocol.
    Broken(&'static str),
    /// From a page that may not.
    Origin,
}

impl Handshake {
    /// What `parts` say about an upgrade; none for most requests.
    pub(super) fn of(parts: &Parts) -> Option<Box<Self>> {
        if !parts.headers.contains_key(UPGRADE) {
            return None;
        }
        Some(Box::new(Self {
            outcome: examine(parts),
            protocols: tokens(&parts.headers, &SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect(),
            origin: parts.headers.get(ORIGIN).cloned(),
        }))
    }

    /// The fields of the 101 response, and the subprotocol that was agreed on.
    pub(super) fn accept(
        &self,
        options: &UpgradeOptions,
    ) -> Result<(HeaderMap, Option<String>), Reason> {
        let accept = self.outcome.clone()?;
        if let (Some(origins), Some(origin)) = (&options.origins, &self.origin)
            && !names(origins).any(|known| known.eq_ignore_ascii_case(origin.as_bytes()))
        {
            return Err(Reason::Origin);
        }
        let protocol = names(&options.protocols)
            .find_map(|ours| self.protocols.iter().find(|theirs| theirs.as_bytes() == ours));
        let mut fields = HeaderMap::with_capacity(4);
        fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(value) = protocol.and_then(|protocol| HeaderValue::from_str(protocol).ok()) {
            fields.insert(SEC_WEBSOCKET_PROTOCOL, value);
        }
        Ok((fields, protocol.cloned()))
    }
}

/// The fields that a handler adds to the 101.
///
/// # Errors
/// As those of any response.
pub(super) fn own_fields(options: &UpgradeOptions, limits: &Limits) -> Result<HeaderMap, String> {
    let fields = response::fields(options.headers.clone(), limits)?;
    match fields.keys().find(|name| name.as_str().starts_with("sec-websocket-")) {
        Some(name) => Err(format!("the header field `{name}` belongs to the host")),
        None => Ok(fields),
    }
}

/// The answer to a handshake that is refused.
pub(super) fn refusal(reason: Reason) -> Response<ReplyBody> {
    let (status, why) = match reason {
        Reason::NotAsked => (StatusCode::UPGRADE_REQUIRED, "the request does not ask for it"),
        Reason::Version => (StatusCode::UPGRADE_REQUIRED, "the version must be 13"),
        Reason::Broken(why) => (StatusCode::BAD_REQUEST, why),
        Reason::Origin => (StatusCode::FORBIDDEN, "the origin is not allowed"),
    };
    let text = format!("websocket upgrade rejected: {why}\n");
    let mut response = response::plain(status, text, false);
    if status == StatusCode::UPGRADE_REQUIRED {
        let fields = response.headers_mut();
        fields.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        // RFC 9110, section 15.5.22: a 426 names the protocol.
        fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    response
}

/// The value of `Sec-WebSocket-Accept`, if the request is a proper handshake (section 4.2.1).
fn examine(parts: &Parts) -> Result<HeaderValue, Reason> {
    let fields = &parts.headers;
    if !tokens(fields, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket")) {
        return Err(Reason::NotAsked);
    }
    if parts.method != Method::GET {
        return Err(Reason::Broken("the method must be GET"));
    }
    if parts.version != Version::HTTP_11 {
        return Err(Reason::Broken("the request must be HTTP/1.1"));
    }
    if !tokens(fields, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade")) {
        return Err(Reason::Broken("Connection must name Upgrade"));
    }
    // Whoever reads what follows as frames would take the body for them.
    let empty = fields.get_all(CONTENT_LENGTH).iter().all(|length| length == "0");
    if !empty || fields.contains_key(TRANSFER_ENCODING) {
        return Err(Reason::Broken("the request must have no body"));
    }
    if single(fields, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Reason::Version);
    }
    match single(fields, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) {
        Some(key) => HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
            .map_err(|_| Reason::Broken("Sec-WebSocket-Key is invalid")),
        None => Err(Reason::Broken("Sec-WebSocket-Key must be 16 bytes in base64")),
    }
}

/// 16 bytes in base64 are 22 characters and the padding; the last has four bits that must be zero.
fn is_key(key: &str) -> bool {
    let Some(digits) = key.strip_suffix("==") else { return false };
    digits.len() == 22
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        && digits.ends_with(['A', 'Q', 'g', 'w'])
}

fn single<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = fields.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim),
        _ => None,
    }
}

fn tokens<'a>(fields: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = fields.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == 0).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use hyper::Request;

    use super::*;

    /// The handshake of RFC 6455, section 1.2, with some fields replaced or, if empty, left out.
    fn handshake(changes: &[(&str, &str)]) -> Handshake {
        let mut fields = vec![
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        for change in changes {
            fields.retain(|(name, _)| name != &change.0);
            fields.push(*change);
        }
        let mut request = Request::builder();
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        *Handshake::of(&request.body(()).unwrap().into_parts().0).unwrap()
    }

    fn options(protocols: &str, origins: Option<&str>) -> UpgradeOptions {
        let list = |names: &str| names.replace(' ', "\0").into_bytes();
        UpgradeOptions {
            headers: Vec::new(),
            protocols: list(protocols),
            origins: origins.map(list),
        }
    }

    fn refused(changes: &[(&str, &str)]) -> Reason {
        handshake(changes).accept(&options("", None)).unwrap_err()
    }

    #[test]
    fn the_sample_of_the_standard_is_accepted() {
        let (fields, protocol) = handshake(&[]).accept(&options("", None)).unwrap();
        assert_eq!(fields.get(SEC_WEBSOCKET_ACCEPT).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!((fields.len(), protocol), (3, None));
        let lists = [("upgrade", "h2c, WebSocket"), ("connection", "keep-alive, upgrade")];
        assert!(handshake(&lists).accept(&options("", None)).is_ok());
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        assert_eq!(refused(&[("upgrade", "h2c")]), Reason::NotAsked);
        for version in ["", "12", "013"] {
            assert_eq!(refused(&[("sec-websocket-version", version)]), Reason::Version);
        }
        for change in [
            ("connection", "keep-alive"),
            ("sec-websocket-key", ""),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZ=="),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR=="),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25j*Q=="),
        ] {
            assert!(matches!(refused(&[change]), Reason::Broken(_)), "{change:?}");
        }
    }

    #[test]
    fn method_and_version_must_be_those_of_the_standard() {
        for build in
            [Request::builder().method("POST"), Request::builder().version(Version::HTTP_10)]
        {
            let request = build.header("upgrade", "websocket").body(()).unwrap();
            let handshake = Handshake::of(&request.into_parts().0).unwrap();
            assert!(matches!(handshake.outcome, Err(Reason::Broken(_))));
        }
    }

    #[test]
    fn the_servers_order_of_subprotocols_decides() {
        let asked = [("sec-websocket-protocol", "a, b,c")];
        for (ours, agreed) in [("c b ", Some("c")), ("b c ", Some("b")), ("x ", None), ("", None)] {
            let (fields, protocol) = handshake(&asked).accept(&options(ours, None)).unwrap();
            assert_eq!(protocol.as_deref(), agreed);
            assert_eq!(fields.contains_key(SEC_WEBSOCKET_PROTOCOL), agreed.is_some());
        }
    }

    #[test]
    fn only_listed_origins_connect_and_clients_that_are_no_browser() {
        let page = "https://a.test";
        let from = |origin| handshake(&[("origin", origin)]);
        assert!(from(page).accept(&options("", Some("https://a.test "))).is_ok());
        assert_eq!(
            from(page).accept(&options("", Some("https://b.test "))).unwrap_err(),
            Reason::Origin
        );
        assert_eq!(from(page).accept(&options("", Some(""))).unwrap_err(), Reason::Origin);
        assert!(handshake(&[]).accept(&options("", Some("https://b.test "))).is_ok());
    }
}
