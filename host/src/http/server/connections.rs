//! The open connections of a server, and how far its life has gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

/// The life of a server. It only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// Accepting.
    Running,
    /// Told to stop: what has begun may end.
    Stopping,
    /// Its instance is gone: what has begun is answered 503.
    Abandoned,
    /// The grace period is over: connections end now.
    Cut,
}

/// The connections of one server.
#[derive(Debug)]
pub(super) struct Connections {
    mode: AtomicU8,
    max: usize,
    open: Mutex<Open>,
    /// For the one task that accepts: the mode has changed, or there is room again.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    last_id: u64,
    /// None until the connection is first polled.
    wakers: HashMap<u64, Option<Waker>>,
}

impl Connections {
    /// None yet; at most `max`.
    pub(super) fn new(max: usize) -> Self {
        Self {
            mode: AtomicU8::new(Mode::Running as u8),
            max,
            open: Mutex::default(),
            changed: Notify::new(),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the server's life has gone.
    pub(super) fn mode(&self) -> Mode {
        match self.mode.load(Ordering::Acquire) {
            0 => Mode::Running,
            1 => Mode::Stopping,
            2 => Mode::Abandoned,
            _ => Mode::Cut,
        }
    }

    /// Goes forward to `mode` and lets everyone know.
    pub(super) fn enter(&self, mode: Mode) {
        self.mode.fetch_max(mode as u8, Ordering::AcqRel);
        let wakers: Vec<_> = self.open().wakers.values().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
        self.changed.notify_one();
    }

    /// Whether there are as many as allowed.
    pub(super) fn is_full(&self) -> bool {
        self.open().wakers.len() >= self.max
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.open().wakers.is_empty()
    }

    /// Waits until the mode changes or a connection closes that mattered to [`Self::is_full`] or, once
    /// the server no longer runs, [`Self::is_empty`]. It may have happened before the call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Counts a connection; gives its number.
    pub(super) fn join(&self) -> u64 {
        let mut open = self.open();
        open.last_id += 1;
        let id = open.last_id;
        open.wakers.insert(id, None);
        id
    }

    /// Lets the connection be woken when the mode changes; one waker for its life.
    pub(super) fn wake_by(&self, id: u64, waker: &Waker) {
        if let Some(slot) = self.open().wakers.get_mut(&id) {
            *slot = Some(waker.clone());
        }
    }

    /// The connection is closed.
    pub(super) fn leave(&self, id: u64) {
        let was_full = {
            let mut open = self.open();
            let before = open.wakers.len();
            open.wakers.remove(&id);
            before >= self.max
        };
        if was_full || self.mode() != Mode::Running {
            self.changed.notify_one();
        }
    }
}
