//! What a script asks for, and what of it is sent.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use url::{Position, Url};

use crate::failure::{Failure, Kind};
use crate::http::client::fields::{self, Bounds, quoted};
use crate::limits::{MAX_URL, MAX_WS_PROTOCOLS};

/// What a server sees unless the script says otherwise.
const AGENT: &str = concat!("tidelock/", env!("CARGO_PKG_VERSION"));

/// A request as a script made it, nothing checked. The fields are those of `websocket.request` in `wit/`.
pub struct Request {
    /// An absolute `ws` or `wss` URL.
    pub url: Vec<u8>,
    /// A header block.
    pub headers: Vec<u8>,
    /// Tokens, each followed by a NUL.
    pub protocols: Vec<u8>,
    /// PEM certificates trusted beside the system's roots.
    pub ca_certificates: Option<Vec<u8>>,
    /// Until the handshake is over.
    pub timeout: Duration,
}

/// The script's part of the handshake, checked.
pub(super) struct Upgrade {
    fields: HeaderMap,
    /// The subprotocols offered.
    pub(super) protocols: Vec<String>,
}

/// The URL, if it is one for WebSockets.
///
/// # Errors
/// - `invalid`: it is not.
pub(super) fn parse_url(text: &[u8]) -> Result<Url, Failure> {
    let invalid =
        |why: String| Failure::new(Kind::Invalid, format!("the URL cannot be used: {why}"));
    // Before parsing, which takes time and memory in proportion.
    if text.len() > MAX_URL {
        return Err(invalid(format!("it is longer than {MAX_URL} bytes")));
    }
    let text =
        std::str::from_utf8(text).map_err(|_| invalid("it is not valid UTF-8".to_owned()))?;
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    // Before the door: a grant would not help, so no denial must ask for one.
    if !matches!(url.scheme(), "ws" | "wss") {
        let scheme = url.scheme().chars().take(16).collect::<String>();
        return Err(invalid(format!("its scheme must be ws or wss, not {scheme}")));
    }
    Ok(url)
}

impl Upgrade {
    /// Checks fields and subprotocols.
    ///
    /// # Errors
    /// - `invalid`: they cannot be sent.
    /// - `limit`: there are too many fields.
    pub(super) fn parse(request: &Request, bounds: Bounds) -> Result<Self, Failure> {
        let mut fields = fields::parse(&request.headers, bounds)?;
        if let Some(name) = fields.keys().find(|name| is_of_handshake(name)) {
            let hint = match name.as_str() {
                "sec-websocket-protocol" => " (use opts.protocols)",
                _ => "",
            };
            let message =
                format!("header \"{name}\" belongs to the host, which makes the handshake{hint}");
            return Err(Failure::new(Kind::Invalid, message));
        }
        if !fields.contains_key(USER_AGENT) {
            fields.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        }
        Ok(Self { fields, protocols: parse_protocols(&request.protocols, bounds)? })
    }

    /// The whole request (RFC 6455, section 4.1).
    pub(super) fn message(&self, url: &Url, key: &str) -> Vec<u8> {
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let mut message = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        )
        .into_bytes();
        if !self.protocols.is_empty() {
            message.extend_from_slice(b"Sec-WebSocket-Protocol: ");
            message.extend_from_slice(self.protocols.join(", ").as_bytes());
            message.extend_from_slice(b"\r\n");
        }
        for (name, value) in &self.fields {
            message.extend_from_slice(name.as_str().as_bytes());
            message.extend_from_slice(b": ");
            message.extend_from_slice(value.as_bytes());
            message.extend_from_slice(b"\r\n");
        }
        message.extend_from_slice(b"\r\n");
        message
    }
}

fn is_of_handshake(name: &HeaderName) -> bool {
    name.as_str().starts_with("sec-websocket-")
}

fn parse_protocols(list: &[u8], bounds: Bounds) -> Result<Vec<String>, Failure> {
    if list.len() > bounds.bytes {
        let message =
            format!("the protocols have more than {} bytes (--max-headers)", bounds.bytes);
        return Err(Failure::new(Kind::Limit, message));
    }
    let mut protocols = Vec::new();
    let names = list.strip_suffix(&[0]).map(|list| list.split(|byte| *byte == 0));
    for name in names.into_iter().flatten() {
        let invalid = |why: &str| {
            Err(Failure::new(Kind::Invalid, format!("invalid protocol {}: {why}", quoted(name))))
        };
        let token = match std::str::from_utf8(name) {
            Ok(text) if !text.is_empty() && text.bytes().all(is_token) => text.to_owned(),
            _ => return invalid("it must be a token of letters, digits and !#$%&'*+-.^_`|~"),
        };
        if protocols.contains(&token) {
            return invalid("it is there twice");
        }
        if protocols.len() >= MAX_WS_PROTOCOLS {
            return invalid(&format!("there may be {MAX_WS_PROTOCOLS} of them"));
        }
        protocols.push(token);
    }
    Ok(protocols)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
