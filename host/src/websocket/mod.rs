//! WebSocket connections (RFC 6455) after their handshake, for the server and the client alike.
//!
//! A connection has two ends. The script holds a [`Connection`]; a task of its own holds the
//! [`Driver`], which owns the socket. The driver answers pings and closes whether or not the script
//! computes, reads ahead a little, and writes what the script has queued. Neither end knows the sandbox.
//!
//! Frame headers and the handshake's messages are the library's; what is buffered is ours, so that all of
//! it is bounded (`docs/decisions/060`).

mod client;
mod close;
mod connection;
mod driver;
mod inbound;
mod mask;
mod outbound;
mod shared;
mod slots;
mod socket;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use self::client::{Client, Refusal, Request};
pub use self::close::Close;
pub use self::connection::{Connection, Incoming, Pending, Summary};
pub use self::driver::Driver;
pub use self::slots::{Permit, Slots};
pub use self::socket::{Socket, Taken};
use crate::budget::{Budget, Held};
use crate::limits::{Limits, WS_CLOSE_TIME, WS_DRAIN_TIME, WS_PING_PERIOD};

/// How a connection behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of one message, both directions.
    pub max_message: usize,
    /// Bytes of one received frame.
    pub max_frame: usize,
    /// Without a message in either direction; then it is closed with 1001.
    pub idle_timeout: Option<Duration>,
    /// Without progress of what is being sent; then it is lost.
    pub write_timeout: Option<Duration>,
    /// Of silence, before the peer is asked whether it lives.
    ping_period: Duration,
    /// For the peer's answer to our close frame.
    close_time: Duration,
    /// For reading on after the last frame.
    drain_time: Duration,
}

impl Settings {
    /// The operator's.
    pub fn new(limits: &Limits) -> Self {
        let size = |limit: Option<u64>| {
            limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
        };
        Self {
            max_message: size(limits.max_ws_message),
            max_frame: size(limits.max_ws_frame),
            idle_timeout: limits.ws_idle_timeout,
            write_timeout: limits.write_timeout,
            ping_period: WS_PING_PERIOD,
            close_time: WS_CLOSE_TIME,
            drain_time: WS_DRAIN_TIME,
        }
    }
}

/// Which end of the connection we are: clients mask what they send (RFC 6455, section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We were connected to.
    Server,
    /// We connected.
    Client,
}

/// How the bytes of a message are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message that has arrived. Counts against the budget until it is dropped.
#[derive(Debug)]
pub struct Message {
    /// How it is meant; text is valid UTF-8.
    pub kind: MessageKind,
    /// Its bytes.
    pub data: Vec<u8>,
    _held: Option<Held>,
}

/// The two ends of a new connection, whose socket may not be there yet.
///
/// The driver keeps `permit` until the connection is over.
pub fn pair(settings: Settings, budget: Arc<Budget>, permit: Permit) -> (Connection, Pending) {
    connection::pair(settings, budget, permit)
}
