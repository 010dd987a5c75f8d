//! What all servers of one worker hold together: requests with their handlers, and bodies in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use crate::limits::MAX_BUFFERED_BODIES;

/// The counters of one worker; its servers share them.
#[derive(Debug, Default)]
pub(super) struct Load {
    in_flight: Mutex<InFlight>,
    body_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct InFlight {
    count: usize,
    /// Servers that have a request to hand over and must wait for another to be answered.
    waiting: Vec<Waker>,
}

impl Load {
    /// Counts one more request as being with its handler, unless `max` are already; then `waker` is
    /// woken when one ends.
    pub(super) fn enter(&self, max: usize, waker: &Waker) -> bool {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if in_flight.count < max {
            in_flight.count += 1;
            return true;
        }
        if !in_flight.waiting.iter().any(|known| known.will_wake(waker)) {
            in_flight.waiting.push(waker.clone());
        }
        false
    }

    /// A request that entered is answered or gone.
    pub(super) fn leave(&self) {
        let waiting = {
            let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            in_flight.count = in_flight.count.saturating_sub(1);
            std::mem::take(&mut in_flight.waiting)
        };
        waiting.iter().for_each(Waker::wake_by_ref);
    }
}

/// Body bytes that are counted until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    load: Arc<Load>,
    bytes: u64,
}

impl Share {
    /// A share of nothing yet.
    pub(super) fn new(load: &Arc<Load>) -> Self {
        Self { load: Arc::clone(load), bytes: 0 }
    }

    /// Counts `bytes` more, unless that exceeds what a worker may hold.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let before = self.load.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(bytes);
        before.saturating_add(bytes) <= MAX_BUFFERED_BODIES
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_counted_until_their_share_is_dropped() {
        let load = Arc::new(Load::default());
        let mut first = Share::new(&load);
        let mut second = Share::new(&load);
        assert!(first.grow(MAX_BUFFERED_BODIES));
        assert!(!second.grow(1));
        drop((first, second));
        assert!(Share::new(&load).grow(MAX_BUFFERED_BODIES));
    }

    #[test]
    fn no_more_requests_enter_than_allowed_until_one_leaves() {
        let load = Load::default();
        assert!(load.enter(1, Waker::noop()));
        assert!(!load.enter(1, Waker::noop()));
        load.leave();
        assert!(load.enter(1, Waker::noop()));
    }
}
