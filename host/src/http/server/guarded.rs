//! A connection's socket, watched: every read and write leaves in the [`Progress`] what the timer needs.
//!
//! A request that arrives whole and an answer that is taken whole touch neither clock nor lock.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::framing::{Framing, Place};
use super::progress::Progress;

/// The socket of one connection.
#[derive(Debug)]
pub(super) struct Guarded {
    stream: TcpStream,
    progress: Arc<Progress>,
    framing: Framing,
    blocked: bool,
    ended: bool,
}

impl Guarded {
    /// Watches `stream` for `progress`.
    pub(super) fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream, progress, framing: Framing::new(), blocked: false, ended: false }
    }

    /// The socket, and whether the peer has ended its side.
    pub(super) fn into_parts(self) -> (TcpStream, bool) {
        (self.stream, self.ended)
    }

    /// Whether the peer has ended its side; what it sent before may still be unread.
    fn is_peer_gone(&self, context: &mut Context<'_>) -> bool {
        match pin!(self.stream.ready(Interest::READABLE)).poll(context) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    fn wrote(&mut self, outcome: &Poll<io::Result<usize>>) {
        let blocked = outcome.is_pending();
        // The first write that has to wait starts the clock, each one that gets through restarts it.
        if blocked != self.blocked {
            self.blocked = blocked;
            self.progress.wrote(blocked);
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = outcome {
            let bytes = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            if bytes.is_empty() {
                self.ended = true;
            }
            let from = self.framing.place();
            self.framing.follow(bytes);
            let to = self.framing.place();
            if from != Place::Boundary || to != Place::Boundary {
                self.progress.arrived(matches!(to, Place::Head | Place::Lost));
            }
        }
        outcome
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(&outcome);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.wrote(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes each time it is polled, also when it neither reads nor writes; so this is where a peer
    /// that is gone is found in the meantime.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.progress.is_to_look() && self.is_peer_gone(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
