//! The body of a request that the guest reads as it arrives.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::failure::{Failure, Kind};
use crate::limits::MAX_CROSSING;

/// The guest's handle. Clones are the same body.
#[derive(Clone, Debug)]
pub struct IncomingBody {
    state: Arc<Mutex<State>>,
    /// `--body-timeout`
    patience: Option<Duration>,
}

#[derive(Debug)]
enum State {
    /// It can be read. Then `Reading` or `Ended`.
    Open(Source),
    /// A read has it; if that is dropped, the rest is gone. Then `Open` or `Ended`.
    Reading,
    /// Nothing follows.
    Ended,
}

/// Where the rest comes from.
#[derive(Debug)]
struct Source {
    body: Incoming,
    /// What arrived and did not fit into the last piece.
    pending: Bytes,
}

impl IncomingBody {
    /// Reads from `body`; without one there is nothing to read.
    pub(super) fn new(body: Option<Incoming>, patience: Option<Duration>) -> Self {
        let state = match body {
            Some(body) => State::Open(Source { body, pending: Bytes::new() }),
            None => State::Ended,
        };
        Self { state: Arc::new(Mutex::new(state)), patience }
    }

    /// Waits for the next piece, at most `max` bytes and [`MAX_CROSSING`]; empty at the end.
    ///
    /// # Errors
    /// - `timeout`: nothing came for too long.
    /// - `closed`: the client is gone, its framing is broken, or another read has the body.
    pub async fn read(self, max: usize) -> Result<Vec<u8>, Failure> {
        let Some(mut source) = self.take()? else { return Ok(Vec::new()) };
        let filled = match self.patience {
            Some(patience) => timeout(patience, source.fill()).await.unwrap_or_else(|_| {
                let seconds = patience.as_secs_f64();
                let message = format!("the client sent nothing for {seconds} s (--body-timeout)");
                Err(Failure::new(Kind::Timeout, message))
            }),
            None => source.fill().await,
        };
        let size = source.pending.len().min(max.clamp(1, MAX_CROSSING));
        let piece = source.pending.split_to(size).to_vec();
        let mut state = self.state();
        // Closed meanwhile, it stays closed.
        if matches!(*state, State::Reading) {
            *state = match filled.is_ok() && !piece.is_empty() {
                true => State::Open(source),
                false => State::Ended,
            };
        }
        filled.map(|()| piece)
    }

    /// What can be read, for one who reads it; none at the end.
    fn take(&self) -> Result<Option<Source>, Failure> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Reading) {
            State::Open(source) => Ok(Some(source)),
            State::Reading => {
                Err(Failure::new(Kind::Closed, "another read of the body is under way"))
            }
            State::Ended => {
                *state = State::Ended;
                Ok(None)
            }
        }
    }

    /// Gives up the rest, so that the connection need not wait for its reader.
    pub fn close(&self) {
        *self.state() = State::Ended;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// Waits until something is pending, or the end.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.pending.is_empty() {
            match poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await {
                None => return Ok(()),
                Some(Ok(frame)) => {
                    // Trailers come after the last data and have no place in the contract.
                    if let Ok(data) = frame.into_data() {
                        self.pending = data;
                    }
                }
                Some(Err(_)) => {
                    return Err(Failure::new(
                        Kind::Closed,
                        "the client went away in the middle of the body",
                    ));
                }
            }
        }
        Ok(())
    }
}
