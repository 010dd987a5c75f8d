//! What the parts of one connection share: its I/O, the service that answers its requests, the timer
//! that ends it, and the server that hands it the answer.
//!
//! HTTP/1 answers one request of a connection at a time, so one slot for the answer is enough.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use tokio::time::Instant;

use crate::limits::Limits;

/// How a request is answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// With this.
    Reply(Response<Full<Bytes>>),
    /// The handler took too long: 504.
    Late,
    /// The instance that was to answer has died: 503.
    Abandoned,
}

/// A time limit that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// No request, or no complete head.
    Silence,
    /// No progress of a request body.
    Body,
    /// The handler of this request.
    Handler(u64),
    /// No progress of a response.
    Write,
}

/// What the service is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Waiting for a request, since then. Then `Body` or `Handling`.
    Waiting { since: Instant, fresh: bool },
    /// Collecting the body, with progress at that time. Then `Handling`, or `Waiting` after a refusal.
    Body { progress: Instant, expired: bool },
    /// Waiting for the answer to this request, since then. Then `Waiting`.
    Handling { id: u64, since: Instant },
}

/// The shared part of one connection.
#[derive(Debug)]
pub(super) struct Link {
    peer: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Since when part of a head has been there.
    head: Option<Instant>,
    /// Since when the peer has taken nothing of what there is to send.
    blocked: Option<Instant>,
    answer: Option<Answer>,
    waker: Option<Waker>,
    unread: bool,
}

impl Link {
    /// The link of a connection accepted just now.
    pub(super) fn new(peer: SocketAddr) -> Self {
        Self {
            peer: peer.to_string(),
            state: Mutex::new(State {
                phase: Phase::Waiting { since: Instant::now(), fresh: true },
                head: None,
                blocked: None,
                answer: None,
                waker: None,
                unread: false,
            }),
        }
    }

    /// The peer as `ip:port`.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes arrived, after which part of a head is there or not.
    pub(super) fn arrived(&self, head: bool) {
        let now = Instant::now();
        let mut state = self.state();
        state.head = if head { state.head.or(Some(now)) } else { None };
        if let Phase::Body { progress, .. } = &mut state.phase {
            *progress = now;
        }
    }

    /// The peer took some bytes, after which it takes no more for now (`blocked`) or all are taken.
    pub(super) fn wrote(&self, blocked: bool) {
        let now = Instant::now();
        let mut state = self.state();
        state.blocked = blocked.then_some(now);
        if let Phase::Waiting { since, .. } = &mut state.phase {
            *since = now;
        }
    }

    /// A body is about to be collected.
    pub(super) fn body(&self) {
        self.state().phase = Phase::Body { progress: Instant::now(), expired: false };
    }

    /// Whether the body's time limit has passed.
    pub(super) fn body_expired(&self) -> bool {
        matches!(self.state().phase, Phase::Body { expired: true, .. })
    }

    /// Lets the service see that the body's time limit has passed.
    pub(super) fn expire_body(&self) {
        if let Phase::Body { expired, .. } = &mut self.state().phase {
            *expired = true;
        }
    }

    /// The request `id` waits for its answer from now on.
    pub(super) fn handling(&self, id: u64, since: Instant) {
        self.state().phase = Phase::Handling { id, since };
    }

    /// Answers the request that waits.
    pub(super) fn answer(&self, answer: Answer) {
        let waker = {
            let mut state = self.state();
            state.answer = Some(answer);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for the answer.
    pub(super) fn poll_answer(&self, context: &Context<'_>) -> Poll<Answer> {
        let mut state = self.state();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                match &state.waker {
                    Some(waker) if waker.will_wake(context.waker()) => {}
                    _ => state.waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    /// The service has answered; `unread` if part of the request has not been read.
    pub(super) fn answered(&self, now: Instant, unread: bool) {
        let mut state = self.state();
        state.phase = Phase::Waiting { since: now, fresh: false };
        state.unread |= unread;
    }

    /// Whether the peer may still be sending what nobody will read.
    pub(super) fn unread(&self) -> bool {
        self.state().unread
    }

    /// The time limit that passes first, and when.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, Expiry)> {
        let state = self.state();
        let waits = match state.phase {
            Phase::Waiting { since, fresh } => {
                let (since, limit) = match state.head {
                    // A head that came while an earlier request was being answered could not be read.
                    Some(begun) => (since.max(begun), limits.header_timeout),
                    None if fresh => (since, limits.header_timeout),
                    None => (since, limits.idle_timeout),
                };
                after(since, limit, Expiry::Silence)
            }
            Phase::Body { expired: true, .. } => None,
            Phase::Body { progress, .. } => after(progress, limits.body_timeout, Expiry::Body),
            Phase::Handling { .. } if state.answer.is_some() => None,
            Phase::Handling { id, since } => {
                after(since, limits.max_handler_time, Expiry::Handler(id))
            }
        };
        let writes =
            state.blocked.and_then(|since| after(since, limits.write_timeout, Expiry::Write));
        match (waits, writes) {
            (Some(waits), Some(writes)) if writes.0 < waits.0 => Some(writes),
            (None, writes) => writes,
            (waits, _) => waits,
        }
    }
}

/// A limit too far away for the clock is none.
fn after(since: Instant, limit: Option<Duration>, expiry: Expiry) -> Option<(Instant, Expiry)> {
    since.checked_add(limit?).map(|at| (at, expiry))
}
