//! How far the exchange on a connection has come, since when, and how long that may take.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use hyper::Version;
use tokio::time::Instant;

use crate::limits::Limits;

/// Pause between two looks whether the peer of an unfinished exchange is still there.
const LOOK_PERIOD: Duration = Duration::from_secs(5);

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
    /// It is time to see whether the peer is still there.
    Look,
}

/// What the service is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Waiting for a request, since then. Then `Body` or `Handling`.
    Waiting { since: Instant, fresh: bool },
    /// Collecting the body, with progress at that time. Then `Handling`, or `Waiting` after a refusal.
    Body { progress: Instant, expired: bool },
    /// Waiting for the answer to this request, since then. Then `Answered`.
    Handling { id: u64, since: Instant },
    /// About to take the answer. Then `Waiting` or `Streaming`.
    Answered,
    /// Sending a response as it comes, for as long as it takes. Then `Waiting`.
    Streaming,
}

/// The progress of one connection, told by its I/O and its service, read by its timer.
#[derive(Debug)]
pub(super) struct Progress {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Since when part of a head has been there.
    head: Option<Instant>,
    /// Since when the peer has taken nothing of what there is to send.
    blocked: Option<Instant>,
    unread: bool,
    /// When the peer was last looked for.
    looked: Instant,
    /// Whether the I/O is to look for it.
    look: bool,
    ends_with_connection: bool,
    /// Collects the body, which is not always the connection's own task.
    collector: Option<Waker>,
}

impl Progress {
    /// The progress of a connection accepted just now.
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                phase: Phase::Waiting { since: Instant::now(), fresh: true },
                head: None,
                blocked: None,
                unread: false,
                looked: Instant::now(),
                look: false,
                ends_with_connection: false,
                collector: None,
            }),
        }
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

    /// Whether the body's time limit has passed; if not, who asks is woken then.
    pub(super) fn is_body_late(&self, context: &Context<'_>) -> bool {
        let mut state = self.state();
        if matches!(state.phase, Phase::Body { expired: true, .. }) {
            return true;
        }
        match &state.collector {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => state.collector = Some(context.waker().clone()),
        }
        false
    }

    /// The body's time limit has passed.
    pub(super) fn expire_body(&self) {
        let mut state = self.state();
        if let Phase::Body { expired, .. } = &mut state.phase {
            *expired = true;
        }
        if let Some(collector) = state.collector.take() {
            collector.wake();
        }
    }

    /// The request `id` waits for its answer from now on.
    pub(super) fn handling(&self, id: u64, since: Instant) {
        self.state().phase = Phase::Handling { id, since };
    }

    /// The answer is there, and the time of its handler over.
    pub(super) fn decided(&self) {
        let mut state = self.state();
        if let Phase::Handling { .. } = state.phase {
            state.phase = Phase::Answered;
        }
    }

    /// The service has answered; `unread` if part of the request has not been read.
    pub(super) fn answered(&self, now: Instant, unread: bool) {
        let mut state = self.state();
        state.phase = Phase::Waiting { since: now, fresh: false };
        state.unread |= unread;
    }

    /// The service answers with a stream, whose end is [`Self::answered`]. Old clients see it in the end of
    /// the connection (RFC 9112, section 6.3).
    pub(super) fn streams(&self, version: Version) {
        let mut state = self.state();
        state.phase = Phase::Streaming;
        state.looked = Instant::now();
        state.ends_with_connection = version == Version::HTTP_10;
    }

    /// Whether the last stream has no other end than the connection's.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.state().ends_with_connection
    }

    /// Part of the request may never be read.
    pub(super) fn leaves_unread(&self) {
        self.state().unread = true;
    }

    /// Whether the peer may still be sending what nobody will read.
    pub(super) fn unread(&self) -> bool {
        self.state().unread
    }

    /// The I/O shall see whether the peer is still there, when it is used next.
    pub(super) fn ask_to_look(&self) {
        let mut state = self.state();
        state.looked = Instant::now();
        state.look = true;
    }

    /// Whether it shall; once.
    pub(super) fn is_to_look(&self) -> bool {
        std::mem::take(&mut self.state().look)
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
            Phase::Body { expired: true, .. } | Phase::Answered | Phase::Streaming => None,
            Phase::Body { progress, .. } => after(progress, limits.body_timeout, Expiry::Body),
            Phase::Handling { id, since } => {
                after(since, limits.max_handler_time, Expiry::Handler(id))
            }
        };
        // hyper sees a peer go as long as it reads, which it does not while part of a body or of the next
        // request waits to be read.
        let look = match state.phase {
            Phase::Handling { since, .. } => {
                after(state.looked.max(since), Some(LOOK_PERIOD), Expiry::Look)
            }
            Phase::Streaming => after(state.looked, Some(LOOK_PERIOD), Expiry::Look),
            _ => None,
        };
        let writes =
            state.blocked.and_then(|since| after(since, limits.write_timeout, Expiry::Write));
        [waits, writes, look].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

/// A limit too far away for the clock is none.
fn after(since: Instant, limit: Option<Duration>, expiry: Expiry) -> Option<(Instant, Expiry)> {
    since.checked_add(limit?).map(|at| (at, expiry))
}
