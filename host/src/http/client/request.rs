//! What a script asks for, and what of it is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fields::{self, Bounds, quoted};
use crate::failure::{Failure, Kind};
use crate::limits::{KIB, MAX_METHOD, MAX_OUTGOING_BODIES};

/// A request as a script made it, nothing checked. The fields are those of `http-client.request` in `wit/`.
pub struct Request {
    /// A token, case-sensitive.
    pub method: Vec<u8>,
    /// An absolute `http` or `https` URL.
    pub url: Vec<u8>,
    /// A header block.
    pub headers: Vec<u8>,
    /// Sent with a `Content-Length`.
    pub body: Option<Vec<u8>>,
    /// How the body of the response is taken.
    pub taking: Taking,
    /// For the whole exchange, to the last byte of the response body; see [`Taking`].
    pub timeout: Duration,
    /// For resolving and connecting, for each hop.
    pub connect_timeout: Option<Duration>,
    /// Whether a redirect is followed or returned.
    pub follow_redirects: bool,
    /// Bytes of decoded body the script will take.
    pub max_size: Option<u64>,
    /// Whether the servers are asked for the body without a content coding.
    pub identity: bool,
}

/// How the script takes the body of a response, as `http-client.taking` in `wit/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// As a value.
    Whole,
    /// In pieces that it does not keep.
    Pieces,
    /// In pieces if the response is an event stream, else as a value.
    Events,
}

impl Taking {
    /// Whether the body of a response with these fields is taken in pieces.
    pub(super) fn in_pieces(self, fields: &HeaderMap) -> bool {
        match self {
            Self::Whole => false,
            Self::Pieces => true,
            Self::Events => fields.get(CONTENT_TYPE).is_some_and(is_event_stream),
        }
    }
}

/// Parameters are ignored (HTML standard, section 9.2.2).
fn is_event_stream(content_type: &HeaderValue) -> bool {
    let media_type = content_type.as_bytes().split(|byte| *byte == b';').next();
    media_type.is_some_and(|text| text.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// The parts of a request that a redirect may change.
pub(super) struct Message {
    pub(super) method: Method,
    pub(super) fields: HeaderMap,
    pub(super) body: Option<Bytes>,
}

impl Message {
    /// Checks method and fields, and takes room for the body out of `bodies`.
    ///
    /// # Errors
    /// - `invalid`: method or fields cannot be sent.
    /// - `limit`: there are too many fields, or too much is being sent already.
    pub(super) fn parse(
        method: &[u8],
        headers: &[u8],
        body: Option<Vec<u8>>,
        bounds: Bounds,
        bodies: &Bodies,
    ) -> Result<Self, Failure> {
        Ok(Self {
            method: parse_method(method)?,
            fields: fields::parse(headers, bounds)?,
            body: body.map(|bytes| bodies.hold(bytes)).transpose()?,
        })
    }
}

/// The room for request bodies of one script, [`MAX_OUTGOING_BODIES`] bytes.
pub(super) struct Bodies {
    /// One permit for each KiB.
    room: Arc<Semaphore>,
}

impl Default for Bodies {
    fn default() -> Self {
        let permits = usize::try_from(MAX_OUTGOING_BODIES / KIB).unwrap_or(Semaphore::MAX_PERMITS);
        Self { room: Arc::new(Semaphore::new(permits)) }
    }
}

impl Bodies {
    /// The body takes its room until the last copy of it is dropped, which may be after the response.
    fn hold(&self, bytes: Vec<u8>) -> Result<Bytes, Failure> {
        let permits = (bytes.len() as u64).div_ceil(KIB);
        let permit = u32::try_from(permits)
            .ok()
            .and_then(|permits| Arc::clone(&self.room).try_acquire_many_owned(permits).ok())
            .ok_or_else(|| {
                let message = format!("request bodies that are being sent at once may have {MAX_OUTGOING_BODIES} bytes in all");
                Failure::new(Kind::Limit, message)
            })?;
        Ok(Bytes::from_owner(Held { bytes, _permit: permit }))
    }
}

struct Held {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn parse_method(text: &[u8]) -> Result<Method, Failure> {
    let invalid = |why: &str| {
        Err(Failure::new(Kind::Invalid, format!("invalid method {}: {why}", quoted(text))))
    };
    if text.len() > MAX_METHOD {
        return invalid("it is too long");
    }
    match Method::from_bytes(text) {
        // A tunnel would carry bytes past every rule about HTTP.
        Ok(Method::CONNECT) => invalid("tunnels are the host's"),
        Ok(method) => Ok(method),
        Err(_) => invalid("it must be a token of letters, digits and !#$%&'*+-.^_`|~"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn any_token_is_a_method() {
        for text in ["GET", "get", "PROPFIND", "M-SEARCH", "X!#$%&'*+.^_`|~9"] {
            assert_eq!(parse_method(text.as_bytes()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let long = "A".repeat(MAX_METHOD + 1);
        for text in ["", "G T", "GET\r\nX: 1", "GET\0", "G\u{fc}T", "GET /", "CONNECT", &long] {
            let failure = parse_method(text.as_bytes()).unwrap_err();
            assert_eq!(failure.kind, Kind::Invalid, "{text}");
            assert!(!failure.message.contains(['\r', '\n', '\0']) && failure.message.len() < 200);
        }
    }

    #[test]
    fn bodies_being_sent_are_bounded_together() {
        let bodies = Bodies::default();
        let half = vec![0; usize::try_from(MAX_OUTGOING_BODIES / 2).unwrap()];
        let first = bodies.hold(half.clone()).unwrap();
        let _second = bodies.hold(half.clone()).unwrap();
        let copy = first.clone();
        drop(first);
        assert_eq!(bodies.hold(vec![0]).unwrap_err().kind, Kind::Limit);
        assert!(bodies.hold(Vec::new()).is_ok());
        drop(copy);
        assert!(bodies.hold(half).is_ok());
    }
}
