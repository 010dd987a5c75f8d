//! A run: from a [`Config`] to an [`Ending`].
//!
//! The calling thread watches the workers and the signals; each worker is a thread of its own.

mod cpu;
mod ending;
mod engine;
mod instance;
mod machine_code;
mod memory;
mod setup;
mod state;
mod stop;
mod traceback;
mod worker;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::{mpsc, watch};

pub use self::ending::Ending;
use self::setup::Setup;
use self::stop::{StopRequest, StopSignals};
use crate::config::Config;
use crate::door::file::Files;
use crate::script_text::ScriptText;

/// Beyond the grace period: what `<close>` handlers and the script's own end may take before the run is
/// ended from outside.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// Runs a script until it ends, by itself, by a limit or by a signal.
///
/// Blocks the calling thread. The process should set `RUST_LIB_BACKTRACE=0` before its first thread
/// starts: with backtraces on, each Lua error costs many times as much.
pub fn run(config: Config) -> Ending {
    match try_run(config) {
        Ok(ending) => ending,
        Err(error) => {
            Ending::Failed { message: format!("{error:#}").into_bytes(), traceback: Vec::new() }
        }
    }
}

fn try_run(config: Config) -> Result<Ending> {
    let script = match ScriptText::load(&config.script, config.limits.max_source) {
        Ok(script) => script,
        Err(failure) => return Ok(failure.into()),
    };
    let (request_stop, stop) = StopRequest::new();
    let grace = config.limits.grace_period;
    let workers = config.workers;
    let files = match Files::open(config.grants.files.clone(), config.audit.clone()) {
        Ok(files) => Arc::new(files),
        Err(failure) => return Ok(Ending::Usage { message: failure.message }),
    };
    let setup = Setup::new(config, script, Arc::clone(&files), stop)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ending = runtime.block_on(async {
        // Before the workers begin: a signal that arrives early must not be lost.
        let signals = StopSignals::new().context("failed to take over the signals")?;
        let endings = start_workers(&setup, workers)?;
        Ok(watch_workers(endings, workers, signals, &request_stop, grace).await)
    });
    // A run that is ended from outside leaves threads that would clean up too late.
    files.give_up();
    setup.bars.finish();
    ending
}

fn start_workers(setup: &Setup, workers: usize) -> Result<mpsc::UnboundedReceiver<Ending>> {
    let (sender, endings) = mpsc::unbounded_channel();
    for number in 1..=workers {
        let (setup, sender) = (setup.for_worker(), sender.clone());
        thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                let mut report = Report { sender, ending: None };
                report.ending = Some(worker::run(&setup));
                // What the setup holds, such as the access log, ends before the run does.
                drop(setup);
            })
            .context("failed to start a worker")?;
    }
    Ok(endings)
}

/// Tells how a worker ended, also if a panic of ours ended it: the others must not go on beside a socket
/// that nobody accepts from any more.
struct Report {
    sender: mpsc::UnboundedSender<Ending>,
    ending: Option<Ending>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let _ = self.sender.send(self.ending.take().unwrap_or_else(unexpected));
    }
}

fn unexpected() -> Ending {
    Ending::Failed {
        message: b"internal error: a worker ended unexpectedly".to_vec(),
        traceback: Vec::new(),
    }
}

/// Waits until all workers have ended; the first that fails ends the run for all.
async fn watch_workers(
    mut endings: mpsc::UnboundedReceiver<Ending>,
    workers: usize,
    mut signals: StopSignals,
    request_stop: &watch::Sender<Option<i32>>,
    grace: Duration,
) -> Ending {
    let mut running = workers;
    let mut last = Ending::Done;
    let mut deadline = None;
    while running > 0 {
        tokio::select! {
            ending = endings.recv() => match ending {
                Some(ending @ (Ending::Done | Ending::Signal(_))) => {
                    running -= 1;
                    last = ending;
                }
                Some(ending) => return ending,
                None => return unexpected(),
            },
            number = signals.next() => {
                if deadline.is_some() {
                    return Ending::Signal(number);
                }
                request_stop.send_replace(Some(number));
                deadline = Some(tokio::time::Instant::now() + grace + STOP_MARGIN);
            }
            number = overdue(deadline, request_stop) => return Ending::Signal(number),
        }
    }
    last
}

/// Waits until the run should long have stopped.
async fn overdue(
    deadline: Option<tokio::time::Instant>,
    request: &watch::Sender<Option<i32>>,
) -> i32 {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
    request.borrow().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn a_worker_that_panics_is_not_missed_beside_the_others() {
        let (sender, mut endings) = mpsc::unbounded_channel();
        let _of_another_worker = sender.clone();
        let worker = thread::spawn(move || {
            let _report = Report { sender, ending: None };
            panic!("a defect");
        });
        assert!(worker.join().is_err());
        assert!(matches!(endings.try_recv(), Ok(Ending::Failed { .. })));
    }
}
