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
    /// A read has it. Then `Open` or `Ended`.
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
        let Some(mut lent) = self.lend()? else { return Ok(Vec::new()) };
        let filled = match self.patience {
            Some(patience) => timeout(patience, lent.fill()).await.unwrap_or_else(|_| {
                let seconds = patience.as_secs_f64();
                let message = format!("the client sent nothing for {seconds} s (--body-timeout)");
                Err(Failure::new(Kind::Timeout, message))
            }),
            None => lent.fill().await,
        };
        let piece = lent.split_off(max.clamp(1, MAX_CROSSING));
        if filled.is_err() || piece.is_empty() {
            lent.source = None;
        }
        filled.map(|()| piece)
    }

    /// Gives up the rest, so that the connection need not wait for its reader.
    pub fn close(&self) {
        *self.state() = State::Ended;
    }

    /// What can be read, for one who reads it; none at the end.
    fn lend(&self) -> Result<Option<Lent<'_>>, Failure> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Reading) {
            State::Open(source) => Ok(Some(Lent { body: self, source: Some(source) })),
            State::Reading => {
                Err(Failure::new(Kind::Closed, "another read of the body is under way"))
            }
            State::Ended => {
                *state = State::Ended;
                Ok(None)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source while a read has it; goes back when that is over, or dropped before.
struct Lent<'a> {
    body: &'a IncomingBody,
    source: Option<Source>,
}

impl Lent<'_> {
    async fn fill(&mut self) -> Result<(), Failure> {
        match &mut self.source {
            Some(source) => source.fill().await,
            None => Ok(()),
        }
    }

    fn split_off(&mut self, most: usize) -> Vec<u8> {
        let Some(source) = &mut self.source else { return Vec::new() };
        source.pending.split_to(source.pending.len().min(most)).to_vec()
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.body.state();
        // Closed meanwhile, it stays closed.
        if matches!(*state, State::Reading) {
            *state = self.source.take().map_or(State::Ended, State::Open);
        }
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
