//! A bound on the bytes that the connections of a worker hold, all together.
//!
//! A limit for each connection is not enough: thousands of slow peers would each be within theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many bytes may be held at once.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    held: AtomicUsize,
}

/// Bytes that are held; given back when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// At most `limit` bytes.
    pub fn new(limit: u64) -> Arc<Self> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Arc::new(Self { limit, held: AtomicUsize::new(0) })
    }

    /// Holds `bytes`; none if that would be too much.
    pub fn try_hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        self.take(bytes).then(|| Held { budget: Arc::clone(self), bytes })
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let within = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }
}

impl Held {
    /// Holds this many more; false, and nothing changed, if that would be too much.
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        let grown = self.budget.take(bytes);
        if grown {
            self.bytes += bytes;
        }
        grown
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_held_is_bounded_at_the_edge_and_given_back() {
        let budget = Budget::new(100);
        let mut first = budget.try_hold(60).unwrap();
        assert!(budget.try_hold(41).is_none());
        assert!(!first.try_grow(usize::MAX));
        assert!(first.try_grow(40));
        assert_eq!(budget.held(), 100);
        assert!(budget.try_hold(0).is_some());
        drop(first);
        assert_eq!(budget.held(), 0);
    }
}
