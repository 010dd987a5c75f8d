//! What a failure of the HTTP library means to a script.
//!
//! The library's own texts name the URL with its query and stop at the first level, so ours are
//! made from the causes: `host:port`, what was being done, and the innermost reason.

use std::error::Error;
use std::io;

use super::fields::{Bounds, too_many};
use crate::failure::{self, Failure, Kind};

/// Bytes of a cause that are shown: some come from the peer.
const MAX_CAUSE: usize = 300;

/// Where in an exchange something failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before the head of the response was there.
    Head,
    /// While its body was read.
    Body,
}

/// The failure that `error` means, in an exchange with `peer` (`host:port`).
pub(super) fn failure(error: &reqwest::Error, peer: &str, stage: Stage, bounds: Bounds) -> Failure {
    let found = Found::of(error);
    // The network door speaks for itself.
    if let Some(failure) = found.door {
        return failure.clone();
    }
    let reason = shorten(&found.reason);
    let fail = |kind, text: String| Failure::new(kind, text);
    if let Some(tls) = found.tls {
        return fail(Kind::Tls, format!("TLS with {peer} failed: {}", shorten(&tls.to_string())));
    }
    if error.is_builder() {
        return fail(Kind::Invalid, format!("the request to {peer} cannot be sent: {reason}"));
    }
    if error.is_timeout() {
        return fail(Kind::Timeout, format!("connecting to {peer} took too long"));
    }
    // A connection that ends while it is being made ended in the handshake: TCP has no such end.
    if error.is_connect() && found.io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
        return fail(
            Kind::Tls,
            format!("TLS with {peer} failed: the server closed the connection"),
        );
    }
    if error.is_connect() {
        return fail(Kind::Connect, format!("cannot connect to {peer}: {reason}"));
    }
    if found.hyper.is_some_and(hyper::Error::is_parse_too_large) {
        return too_large_head(bounds);
    }
    let broken = match (found.hyper, found.io) {
        (Some(hyper), _) if hyper.is_parse() => true,
        (Some(hyper), _)
            if hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() =>
        {
            false
        }
        // Beneath the framing, an error of the system is a lost connection; only the framing itself
        // reports bad data. What has no framing beneath it comes from the content decoder.
        (Some(_), Some(io)) => {
            matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
        }
        (Some(_) | None, _) => true,
    };
    match (broken, stage) {
        (true, Stage::Head) => {
            fail(Kind::Protocol, format!("{peer} sent an invalid response: {reason}"))
        }
        (true, Stage::Body) => {
            fail(Kind::Protocol, format!("{peer} sent an invalid response body: {reason}"))
        }
        (false, Stage::Head) => {
            fail(Kind::Closed, format!("{peer} closed the connection before it answered: {reason}"))
        }
        (false, Stage::Body) => fail(
            Kind::Closed,
            format!("{peer} closed the connection in the middle of the body: {reason}"),
        ),
    }
}

/// The library has one name for a header section past its bounds and for a `Content-Length` whose value
/// it keeps for itself, the two largest of 64 bits.
fn too_large_head(bounds: Bounds) -> Failure {
    let Failure { kind, message } = too_many(bounds);
    Failure::new(kind, format!("{message}, or it announces a body that no machine could hold"))
}

/// What stands in the chain of causes.
#[derive(Default)]
struct Found<'a> {
    door: Option<&'a Failure>,
    tls: Option<&'a rustls::Error>,
    hyper: Option<&'a hyper::Error>,
    io: Option<&'a io::Error>,
    /// The text of the innermost cause.
    reason: String,
}

impl<'a> Found<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        let mut found = Self::default();
        let mut next = error.source();
        while let Some(cause) = next {
            found.door = found.door.or_else(|| cause.downcast_ref());
            found.tls = found.tls.or_else(|| cause.downcast_ref());
            found.hyper = found.hyper.or_else(|| cause.downcast_ref());
            next = match cause.downcast_ref::<io::Error>() {
                Some(io) => {
                    found.io = Some(io);
                    // `source` would skip the error that this one wraps.
                    io.get_ref().map(|inner| inner as &(dyn Error + 'static))
                }
                None => cause.source(),
            };
            // A library error prints its URL; its cause says more.
            if !cause.is::<reqwest::Error>() {
                found.reason = match cause.downcast_ref::<io::Error>() {
                    Some(io) => failure::cause(io),
                    None => cause.to_string(),
                };
            }
        }
        if found.reason.is_empty() {
            found.reason = "unknown cause".to_owned();
        }
        found
    }
}

/// One line of bounded length.
pub(crate) fn shorten(text: &str) -> String {
    let mut end = text.len().min(MAX_CAUSE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (head, rest) = text.split_at(end);
    let line: String = head.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if rest.is_empty() { line } else { format!("{line}…") }
}
