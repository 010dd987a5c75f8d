//! A connection as a script holds it.

use super::{Connection, Incoming, Message};
use crate::limits::MAX_CROSSING;

/// A connection, what is known of its peer, and the message that is being handed over.
#[derive(Debug)]
pub struct Socket {
    connection: Connection,
    peer: String,
    protocol: Option<String>,
    taken: Option<Message>,
    /// Bytes of it that were handed over.
    given: usize,
}

impl Socket {
    /// A connection to `peer` (`ip:port`), which speaks `protocol`.
    pub fn new(connection: Connection, peer: String, protocol: Option<String>) -> Self {
        Self { connection, peer, protocol, taken: None, given: 0 }
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The peer's address as `ip:port`.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The subprotocol both ends agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// As [`Connection::take`]. Of a message larger than [`MAX_CROSSING`] the data is the beginning, and
    /// [`Self::rest`] gives the others.
    pub fn take(&mut self) -> Option<Taken> {
        self.taken = None;
        Some(match self.connection.take()? {
            Incoming::Closed(close) => Taken::Closed(close),
            Incoming::Message(mut message) if message.data.len() <= MAX_CROSSING => {
                Taken::Message {
                    kind: message.kind,
                    data: std::mem::take(&mut message.data),
                    rest: 0,
                }
            }
            Incoming::Message(message) => {
                let kind = message.kind;
                let rest = message.data.len().saturating_sub(MAX_CROSSING) as u64;
                self.taken = Some(message);
                self.given = 0;
                Taken::Message { kind, data: self.rest(), rest }
            }
        })
    }

    /// The next piece of the message taken last; empty at its end.
    pub fn rest(&mut self) -> Vec<u8> {
        let Some(message) = &self.taken else { return Vec::new() };
        let left = message.data.get(self.given..).unwrap_or_default();
        let piece = left.get(..MAX_CROSSING).unwrap_or(left).to_vec();
        self.given += piece.len();
        if self.given >= message.data.len() {
            self.taken = None;
        }
        piece
    }
}

/// What [`Socket::take`] gives.
#[derive(Debug)]
pub enum Taken {
    /// A message.
    Message {
        /// How it is meant.
        kind: super::MessageKind,
        /// Its beginning.
        data: Vec<u8>,
        /// Bytes that follow.
        rest: u64,
    },
    /// The end.
    Closed(super::Close),
}
