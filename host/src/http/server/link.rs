//! What the parts of one connection share: its progress, and the slot for the answer that the server
//! hands to the service.
//!
//! HTTP/1 answers one request of a connection at a time, so one slot for the answer is enough.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper::Response;

use super::progress::Progress;
use super::reply_body::ReplyBody;
use super::request::Refused;
use crate::websocket;

/// How a request is answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// With this.
    Reply(Response<ReplyBody>),
    /// With this, a 101; then the connection is the WebSocket's.
    Upgrade(Response<ReplyBody>, Upgraded),
    /// Its body could not be taken in.
    Refused(Refused),
    /// The handler took too long: 504.
    Late,
    /// The instance that was to answer has died: 503.
    Abandoned,
}

/// The WebSocket a request has become.
#[derive(Debug)]
pub(super) struct Upgraded {
    /// The request.
    pub(super) id: u64,
    /// The socket's end of it.
    pub(super) socket: websocket::Pending,
}

/// The shared part of one connection.
#[derive(Debug)]
pub(super) struct Link {
    peer: String,
    progress: Arc<Progress>,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    answer: Option<Answer>,
    waker: Option<Waker>,
    upgraded: Option<Upgraded>,
}

impl Link {
    /// The link of a connection accepted just now.
    pub(super) fn new(peer: SocketAddr) -> Self {
        Self { peer: peer.to_string(), progress: Arc::new(Progress::new()), slot: Mutex::default() }
    }

    /// The peer as `ip:port`.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// How far the exchange has come.
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the request that waits.
    pub(super) fn answer(&self, answer: Answer) {
        self.progress.decided();
        let waker = {
            let mut slot = self.slot();
            slot.answer = Some(answer);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for the answer.
    pub(super) fn poll_answer(&self, context: &Context<'_>) -> Poll<Answer> {
        let mut slot = self.slot();
        match slot.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                match &slot.waker {
                    Some(waker) if waker.will_wake(context.waker()) => {}
                    _ => slot.waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// The answer that nobody has taken, once the service is gone.
    pub(super) fn take_answer(&self) -> Option<Answer> {
        self.slot().answer.take()
    }

    /// The connection is for a WebSocket as soon as the answer is sent.
    pub(super) fn upgrade(&self, upgraded: Upgraded) {
        self.slot().upgraded = Some(upgraded);
    }

    /// The WebSocket that the connection is for from now on.
    pub(super) fn take_upgraded(&self) -> Option<Upgraded> {
        self.slot().upgraded.take()
    }
}
