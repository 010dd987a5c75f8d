//! The request to stop a run: SIGINT or SIGTERM, told to every instance.

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Waits for the request; clones wait for the same one.
#[derive(Clone, Debug)]
pub struct StopRequest {
    number: watch::Receiver<Option<i32>>,
}

impl StopRequest {
    /// A request that has not been made, and what makes it.
    pub fn new() -> (watch::Sender<Option<i32>>, Self) {
        let (sender, number) = watch::channel(None);
        (sender, Self { number })
    }

    /// The signal that asked, if one has.
    pub fn number(&self) -> Option<i32> {
        *self.number.borrow()
    }

    /// Waits until the run is asked to stop, and gives the signal. Never returns if that has become
    /// impossible.
    pub async fn made(mut self) -> i32 {
        let number = self.number.wait_for(Option::is_some).await.map(|number| *number);
        match number {
            Ok(Some(number)) => number,
            _ => std::future::pending().await,
        }
    }
}

/// The signals that ask a process to stop.
pub struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Comes when a file reaches the system's limit (`ulimit -f`). The system would end the process;
    /// taken over, it leaves the failed write, which is reported where it belongs.
    _file_size: tokio::signal::unix::Signal,
}

impl StopSignals {
    /// Takes the signals over from the system, whose own answer would end the process at once.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _file_size: signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?,
        })
    }

    /// Waits for the next signal and gives its number.
    pub async fn next(&mut self) -> i32 {
        let Self { interrupt, terminate, .. } = self;
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
