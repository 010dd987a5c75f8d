//! A granted folder that another process exchanges for a symlink to the outside, again and again.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::folder::Folder;

/// How long each state lasts at least: about as long as a script's use of a file takes, so that many
/// exchanges come in the middle of one. The thread sleeps, since one that spins gets no turn on a busy machine.
const STATE: Duration = Duration::from_micros(50);

/// The exchanging, until it is stopped.
#[derive(Debug)]
pub struct Exchange {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Exchange {
    /// Exchanges `grant/door`, a folder, with a symlink to `outside`.
    pub fn begin(folder: &Folder) -> Self {
        let (door, link) = (folder.path().join("grant/door"), folder.path().join("grant/link"));
        symlink("../outside", &link).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                renameat_with(CWD, &door, CWD, &link, RenameFlags::EXCHANGE).unwrap();
                thread::sleep(STATE);
            }
        });
        Self { stop, thread }
    }

    /// Ends it; either state may be the last.
    pub fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}
