//! The opening handshake, from the client's side (RFC 6455, section 4.1).

use std::io;

use bytes::Bytes;
use reqwest::header::{CONNECTION, HeaderMap, UPGRADE};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;

use super::Refusal;
use super::request::Upgrade;
use crate::door::network::CheckedUrl;
use crate::failure::{self, Failure, Kind};
use crate::http::client::fields::{Bounds, too_many};

/// Bytes read at once.
const READ: usize = 4096;

/// What came of the handshake.
pub(super) struct Answer {
    /// The subprotocol the server chose.
    pub(super) protocol: Option<String>,
    /// What came right after the answer.
    pub(super) read_ahead: Bytes,
}

/// Why it failed, in words about `it`, the peer.
pub(super) enum Refused {
    /// The connection did.
    Io(io::Error),
    /// The peer answered with another status than 101.
    Status(u16),
    /// The peer did not answer as it should; what it did instead.
    Protocol(String),
    /// Something with words of its own.
    Other(Failure),
}

impl Refused {
    /// The failure of a handshake with `peer`.
    pub(super) fn with_peer(self, peer: &str) -> Refusal {
        let mut said = None;
        let failure = match self {
            Self::Io(error) => {
                let cause = failure::cause(&error);
                let message = format!("{peer} closed the connection before it answered: {cause}");
                Failure::new(Kind::Closed, message)
            }
            Self::Status(status) => {
                said = Some(status);
                let redirect = (300..400).contains(&status);
                let hint = if redirect { " (redirects are not followed)" } else { "" };
                let message = format!("{peer} answered {status} instead of 101{hint}");
                Failure::new(Kind::Protocol, message)
            }
            Self::Protocol(what) => Failure::new(Kind::Protocol, format!("{peer} {what}")),
            Self::Other(failure) => failure,
        };
        Refusal { failure, status: said }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Asks for the upgrade and checks the answer.
pub(super) async fn run<S>(
    stream: &mut S,
    url: &CheckedUrl,
    upgrade: &Upgrade,
    bounds: Bounds,
) -> Result<Answer, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    stream.write_all(&upgrade.message(url.url(), &key)).await?;
    stream.flush().await?;
    let (response, read_ahead) = read_head(stream, bounds).await?;
    check(&response, &key)?;
    Ok(Answer { protocol: agreed(response.headers(), &upgrade.protocols)?, read_ahead })
}

/// Reads the final response's head; what follows it is given too.
async fn read_head<S>(stream: &mut S, bounds: Bounds) -> Result<(Response, Bytes), Refused>
where
    S: AsyncRead + Unpin,
{
    let mut bytes = Vec::new();
    let mut searched = 0;
    loop {
        let Some(end) = end_of_head(&bytes, searched) else {
            searched = bytes.len();
            if bytes.len() > bounds.bytes {
                return Err(Refused::Other(too_many(bounds)));
            }
            bytes.reserve(READ);
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(Refused::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            continue;
        };
        let rest = bytes.split_off(end);
        searched = 0;
        if end > bounds.bytes {
            return Err(Refused::Other(too_many(bounds)));
        }
        let response = match Response::try_parse(&bytes) {
            Ok(Some((_, response))) if response.headers().len() > bounds.lines => {
                return Err(Refused::Other(too_many(bounds)));
            }
            Ok(Some((_, response))) => response,
            Ok(None) => return Err(protocol("sent an invalid response")),
            Err(error) => return Err(protocol(&format!("sent an invalid response: {error}"))),
        };
        // Others of the 100s only announce a response.
        if response.status().is_informational() && response.status().as_u16() != 101 {
            bytes = rest;
            continue;
        }
        return Ok((response, Bytes::from(rest)));
    }
}

/// Where the first empty line ends, of bytes of which the first `searched` hold none.
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let mut windows = bytes.get(from..)?.windows(4);
    windows.position(|window| window == b"\r\n\r\n").map(|at| from + at + 4)
}

fn check(response: &Response, key: &str) -> Result<(), Refused> {
    let status = response.status().as_u16();
    if status != 101 {
        return Err(Refused::Status(status));
    }
    let headers = response.headers();
    if !has_token(headers, UPGRADE.as_str(), "websocket") {
        return Err(protocol("answered 101 without \"Upgrade: websocket\""));
    }
    if !has_token(headers, CONNECTION.as_str(), "upgrade") {
        return Err(protocol("answered 101 without \"Connection: Upgrade\""));
    }
    let accept = headers.get("sec-websocket-accept").map(|value| value.as_bytes().trim_ascii());
    if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(protocol("answered 101 with a wrong Sec-WebSocket-Accept"));
    }
    if headers.contains_key("sec-websocket-extensions") {
        return Err(protocol("answered 101 with an extension that was not offered"));
    }
    Ok(())
}

/// The subprotocol the server chose: one that was offered, or none (section 4.1, step 6).
fn agreed(headers: &HeaderMap, offered: &[String]) -> Result<Option<String>, Refused> {
    let mut chosen = headers.get_all("sec-websocket-protocol").iter();
    let Some(value) = chosen.next() else { return Ok(None) };
    let known = offered.iter().find(|protocol| protocol.as_bytes() == value.as_bytes());
    match (known, chosen.next()) {
        (Some(protocol), None) => Ok(Some(protocol.clone())),
        _ => Err(protocol("answered 101 with a protocol that was not offered")),
    }
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    headers.get_all(name).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

fn protocol(what: &str) -> Refused {
    Refused::Protocol(what.to_owned())
}
