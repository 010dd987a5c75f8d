//! How many WebSockets are open at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for open WebSockets of one worker, its servers' and its clients'. Clones share them.
#[derive(Clone, Debug)]
pub struct Slots {
    free: Arc<Semaphore>,
    max: usize,
}

/// One place; free again when dropped.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    /// `max` places.
    pub fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(max)), max }
    }

    /// Takes a place; none if all are taken.
    pub fn try_take(&self) -> Option<Permit> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(Permit { _permit: permit })
    }

    /// Waits until no place is taken, but not longer than `time`.
    pub async fn all_free(&self, time: Duration) {
        let all = u32::try_from(self.max).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(time, self.free.acquire_many(all)).await;
    }

    /// How many there are in all.
    pub fn max(&self) -> usize {
        self.max
    }
}
