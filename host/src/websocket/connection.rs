//! The script's end of a connection, and what becomes the socket's end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::shared::Shared;
use super::{Close, Driver, Message, MessageKind, Permit, Role, Settings};
use crate::budget::Budget;
use crate::failure::{Failure, Kind};

/// The script's end. Dropping it closes the connection with 1001.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
}

/// What a script reads.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Message(Message),
    /// The end; nothing follows.
    Closed(Close),
}

/// What went through a connection so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The code it was closed with; none if it is open.
    pub code: Option<u16>,
    /// Bytes of messages sent.
    pub sent: u64,
    /// Bytes of messages received.
    pub received: u64,
}

/// The socket's end while there is no socket yet. Dropping it loses the connection (1006).
#[derive(Debug)]
pub struct Pending {
    end: SocketEnd,
}

/// Belongs to the socket's end: when that is gone, so is the connection.
#[derive(Debug)]
pub(super) struct SocketEnd {
    pub(super) shared: Arc<Shared>,
    _permit: Permit,
}

pub(super) fn pair(
    settings: Settings,
    budget: Arc<Budget>,
    permit: Permit,
) -> (Connection, Pending) {
    let shared = Arc::new(Shared::new(settings, budget));
    let end = SocketEnd { shared: Arc::clone(&shared), _permit: permit };
    (Connection { shared }, Pending { end })
}

impl Connection {
    /// The next message, or the end once there is nothing left to read; none if [`Self::readable`] has to
    /// be waited for.
    pub fn take(&self) -> Option<Incoming> {
        self.shared.take()
    }

    /// Waits until [`Self::take`] gives something.
    ///
    /// # Errors
    /// - `timeout`: nothing came in time.
    pub fn readable(
        &self,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            let Some(timeout) = timeout else {
                shared.readable().await;
                return Ok(());
            };
            tokio::time::timeout(timeout, shared.readable()).await.map_err(|_| {
                let seconds = timeout.as_secs_f64();
                Failure::new(Kind::Timeout, format!("no message came within {seconds} seconds"))
            })
        }
    }

    /// Queues a message for the peer. Waits while more than
    /// [`MAX_STREAM_QUEUE`](crate::limits::MAX_STREAM_QUEUE) bytes wait already; messages are sent in the
    /// order of the calls.
    ///
    /// # Errors
    /// - `closed`: nothing can be sent any more.
    /// - `too-large`: the message is larger than it may be.
    /// - `invalid`: a text is not UTF-8.
    /// - `limit`: the worker holds too much for slow peers.
    pub fn write(
        &self,
        kind: MessageKind,
        data: Vec<u8>,
    ) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        Arc::clone(&self.shared).write(kind, data)
    }

    /// Closes: what is queued is sent, then a close frame; waits until the peer has answered it, but not
    /// longer than [`WS_CLOSE_TIME`](crate::limits::WS_CLOSE_TIME). What was not read yet is dropped.
    pub fn close(&self, close: Close) -> impl Future<Output = ()> + Send + use<> {
        self.shared.forget_inbox();
        self.shared.begin_close(close);
        let shared = Arc::clone(&self.shared);
        async move {
            let _ = tokio::time::timeout(shared.settings.close_time, shared.ended()).await;
        }
    }

    /// As [`Self::close`], without waiting. What was read ahead can still be read.
    pub fn begin_close(&self, code: u16, reason: &str) {
        self.shared.begin_close(Close::new(code, reason));
    }

    /// Whether nothing can be written any more.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// What went through it so far.
    pub fn summary(&self) -> Summary {
        self.shared.summary()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.forget_inbox();
        self.begin_close(Close::AWAY, "");
    }
}

impl Pending {
    /// As [`Connection::begin_close`].
    pub fn begin_close(&self, code: u16, reason: &str) {
        self.end.shared.begin_close(Close::new(code, reason));
    }

    /// The socket is there, and its handshake done: what runs it to its end.
    ///
    /// `read_ahead` are bytes that came right after the handshake.
    pub fn drive<S>(self, stream: S, read_ahead: Bytes, role: Role) -> Driver<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Driver::new(self.end, stream, read_ahead, role)
    }
}

impl Drop for SocketEnd {
    fn drop(&mut self) {
        self.shared.end(Close::lost());
    }
}
