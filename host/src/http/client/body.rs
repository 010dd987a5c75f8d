//! A response body on its way to the script.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::cause::{self, Stage};
use super::fields::Bounds;
use super::record::Record;
use crate::failure::{Failure, Kind};
use crate::limits::MAX_CROSSING;

/// How often the connection's task gets its turn before a piece counts as not there yet. With one
/// turn it parses what the socket already gave, with the second it reports the end.
const TURNS: usize = 2;

/// The rest of a response body. Dropping it, or the future of a [`Body::read`], closes the exchange.
/// Clones are the same body.
#[derive(Clone)]
pub struct Body {
    state: Arc<Mutex<State>>,
}

/// Open → Reading → Open, and so on, until Ended or Failed.
enum State {
    /// The exchange waits for the next read.
    Open(Box<Exchange>),
    /// A read has the exchange; if it is dropped, the exchange is gone.
    Reading,
    /// Everything was read.
    Ended,
    /// The exchange failed; what was read before has been handed over.
    Failed(Failure),
}

impl Body {
    fn new(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for the next piece of the decoded body, at most [`MAX_CROSSING`] bytes; empty at the end.
    ///
    /// # Errors
    /// - `timeout`: the exchange took longer than its request allowed.
    /// - `too-large`: the body is larger than the request or the operator allows.
    /// - `closed`: the peer went away, or an earlier read was dropped or is still waiting.
    /// - `protocol`: framing or content coding is broken.
    pub async fn read(self) -> Result<Vec<u8>, Failure> {
        let exchange = match self.replace(State::Reading) {
            State::Open(exchange) => exchange,
            State::Reading => {
                return Err(Failure::new(
                    Kind::Closed,
                    "the body was closed by another read of it",
                ));
            }
            State::Ended => {
                self.replace(State::Ended);
                return Ok(Vec::new());
            }
            State::Failed(failure) => {
                self.replace(State::Failed(failure.clone()));
                return Err(failure);
            }
        };
        let (piece, next) = exchange.gather(MAX_CROSSING, Wait::First).await;
        match next {
            State::Failed(failure) if piece.is_empty() => {
                self.replace(State::Failed(failure.clone()));
                Err(failure)
            }
            next => {
                self.replace(next);
                Ok(piece)
            }
        }
    }

    /// Closes the exchange, from which nothing more is wanted.
    pub fn leave(self) {
        if let State::Open(mut exchange) = self.replace(State::Ended) {
            exchange.record.succeeded();
        }
    }

    fn replace(&self, new: State) -> State {
        std::mem::replace(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), new)
    }
}

/// Whether [`Exchange::gather`] waits for its first piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    First,
    Never,
}

/// A response whose body has not ended, and what it holds until then.
pub(super) struct Exchange {
    pub(super) response: reqwest::Response,
    /// `host:port`, for messages.
    pub(super) peer: String,
    pub(super) patience: Patience,
    pub(super) size: SizeLimit,
    pub(super) bounds: Bounds,
    /// What arrived and did not fit into the last piece.
    pub(super) pending: Bytes,
    pub(super) record: Record,
    /// The exchange counts against `--max-outgoing` until it is dropped.
    pub(super) _permit: OwnedSemaphorePermit,
}

impl Exchange {
    /// What of the body is there already, at most `room` bytes, and the rest; none at its end.
    pub(super) async fn start(self, room: usize) -> (Vec<u8>, Option<Body>) {
        let (piece, next) = Box::new(self).gather(room, Wait::Never).await;
        match next {
            State::Ended => (piece, None),
            next => (piece, Some(Body::new(next))),
        }
    }

    /// Collects what is there, so that a body of many small pieces costs few crossings.
    async fn gather(mut self: Box<Self>, room: usize, wait: Wait) -> (Vec<u8>, State) {
        let mut collected = Vec::new();
        loop {
            if self.pending.is_empty() {
                let next = if wait == Wait::First && collected.is_empty() {
                    Some(self.next().await)
                } else {
                    self.next_if_there().await
                };
                match next {
                    None => return (collected, State::Open(self)),
                    Some(Ok(Some(chunk))) => self.pending = chunk,
                    Some(Ok(None)) => {
                        self.record.succeeded();
                        return (collected, State::Ended);
                    }
                    Some(Err(failure)) => {
                        self.record.failed(&failure);
                        return (collected, State::Failed(failure));
                    }
                }
            }
            let fits = self.pending.len().min(room - collected.len());
            collected.extend_from_slice(&self.pending.split_to(fits));
            if collected.len() >= room {
                return (collected, State::Open(self));
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let deadline = self.patience.deadline();
        match timeout_at(deadline.at, self.response.chunk()).await {
            Ok(chunk) => self.received(chunk),
            Err(_) => Err(self.patience.passed(&deadline, &self.peer)),
        }
    }

    /// The next chunk if it takes no waiting; none if it does.
    async fn next_if_there(&mut self) -> Option<Result<Option<Bytes>, Failure>> {
        for turn in 0..=TURNS {
            if turn > 0 {
                tokio::task::yield_now().await;
            }
            // Dropping the future loses nothing: the chunk stays with the response.
            let polled =
                poll_fn(|context| Poll::Ready(pin!(self.response.chunk()).poll(context))).await;
            if let Poll::Ready(chunk) = polled {
                return Some(self.received(chunk));
            }
        }
        None
    }

    fn received(
        &mut self,
        chunk: reqwest::Result<Option<Bytes>>,
    ) -> Result<Option<Bytes>, Failure> {
        let chunk =
            chunk.map_err(|error| cause::failure(&error, &self.peer, Stage::Body, self.bounds))?;
        if let Some(chunk) = &chunk {
            self.record.bytes = self.record.bytes.saturating_add(chunk.len() as u64);
            self.size.check(self.record.bytes)?;
        }
        Ok(chunk)
    }
}

/// When an exchange must be over.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// `allowed` from now. What the clock cannot express is as good as never.
    pub(super) fn after(allowed: Duration) -> Self {
        const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        let allowed = allowed.min(NEVER);
        Self { at: Instant::now() + allowed, allowed }
    }

    /// The failure of an exchange that was not over in time.
    pub(super) fn passed(&self, peer: &str) -> Failure {
        let seconds = self.allowed.as_secs_f64();
        Failure::new(
            Kind::Timeout,
            format!("the exchange with {peer} took longer than {seconds} s"),
        )
    }
}

/// How long a body is waited for.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// Until the exchange must be over.
    Whole(Deadline),
    /// So long for each piece.
    Piece(Duration),
}

impl Patience {
    fn deadline(&self) -> Deadline {
        match self {
            Self::Whole(deadline) => *deadline,
            Self::Piece(allowed) => Deadline::after(*allowed),
        }
    }

    fn passed(&self, deadline: &Deadline, peer: &str) -> Failure {
        match self {
            Self::Whole(_) => deadline.passed(peer),
            Self::Piece(allowed) => {
                let seconds = allowed.as_secs_f64();
                Failure::new(Kind::Timeout, format!("{peer} sent nothing for {seconds} s"))
            }
        }
    }
}

/// How many bytes of decoded body are taken.
#[derive(Clone, Copy)]
pub(super) struct SizeLimit {
    /// What the script asked for.
    pub(super) asked: Option<u64>,
    /// The operator's `--max-response`.
    pub(super) operator: Option<u64>,
}

impl SizeLimit {
    /// Fails if `bytes` is past the smaller limit.
    pub(super) fn check(&self, bytes: u64) -> Result<(), Failure> {
        let asked = self.asked.unwrap_or(u64::MAX);
        let operator = self.operator.unwrap_or(u64::MAX);
        if bytes <= asked.min(operator) {
            return Ok(());
        }
        let message = if asked < operator {
            format!("the response body is larger than max_size, {asked} bytes")
        } else {
            format!(
                "the response body is larger than {operator} bytes (the operator's limit, --max-response)"
            )
        };
        Err(Failure::new(Kind::TooLarge, message))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_smaller_limit_is_the_one_that_is_named() {
        let both = |asked, operator| SizeLimit { asked, operator };
        assert!(both(None, None).check(u64::MAX).is_ok());
        assert!(both(Some(10), Some(20)).check(10).is_ok());
        assert!(
            both(Some(10), Some(20)).check(11).unwrap_err().message.contains("max_size, 10 bytes")
        );
        for limits in [both(Some(20), Some(10)), both(None, Some(10)), both(Some(10), Some(10))] {
            assert!(limits.check(10).is_ok());
            let failure = limits.check(11).unwrap_err();
            assert_eq!(failure.kind, Kind::TooLarge);
            assert!(
                failure.message.contains("10 bytes") && failure.message.contains("--max-response")
            );
        }
    }

    #[test]
    fn any_timeout_makes_a_deadline() {
        for allowed in [Duration::ZERO, Duration::from_nanos(u64::MAX), Duration::MAX] {
            Deadline::after(allowed);
        }
    }
}
