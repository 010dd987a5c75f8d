//! A worker: one thread with a runtime of its own, which runs one instance after the other.
//!
//! Only a server gets a second instance: when a limit stops the first, its listening socket stays open
//! and the script starts again from the top.

use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use super::ending::Ending;
use super::instance::{self, InstanceEnd};
use super::setup::Setup;
use crate::limits::WS_CLOSE_TIME;
use crate::log_line::Level;
use crate::quantity::show_duration;

/// An instance that lived this long was not part of a crash loop.
const STEADY: Duration = Duration::from_secs(30);

/// Wait before the second replacement in a row; doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// How long a thread that blocked, for a look-up or a disk, is kept for the next one.
const IDLE_THREAD: Duration = Duration::from_secs(1);

/// Longest wait before a replacement.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Runs the script on the calling thread until it ends.
pub fn run(setup: &Setup) -> Ending {
    let mut builder = Builder::new_current_thread();
    let runtime = match builder.enable_all().thread_keep_alive(IDLE_THREAD).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("failed to start a worker: {error}").into_bytes();
            return Ending::Failed { message, traceback: Vec::new() };
        }
    };
    let ending = runtime.block_on(async {
        let ending = match setup.config.limits.max_time {
            Some(max_time) => tokio::time::timeout(max_time, run_instances(setup))
                .await
                .unwrap_or_else(|_| Ending::Limit {
                    message: format!(
                        "stopped: the run took longer than {} (raise --max-time)",
                        show_duration(Some(max_time))
                    ),
                    traceback: Vec::new(),
                }),
            None => run_instances(setup).await,
        };
        // What the script wrote last is still with its connections, and their peers are to hear the end.
        setup.websockets.all_free(WS_CLOSE_TIME).await;
        ending
    });
    // What blocks in a thread, such as a name look-up, must not delay the end of the run.
    runtime.shutdown_background();
    ending
}

async fn run_instances(setup: &Setup) -> Ending {
    let mut backoff = Duration::ZERO;
    loop {
        let begun = Instant::now();
        let end = instance::run(setup).await;
        let Ending::Limit { message, traceback } = &end.ending else {
            return check_workers(end, setup);
        };
        if !end.replaceable || setup.stop.number().is_some() {
            return end.ending;
        }
        if begun.elapsed() >= STEADY {
            backoff = Duration::ZERO;
        }
        let wait = format!("{:.1}", backoff.as_secs_f64());
        let mut fields = vec![
            ("script", setup.script.name().as_bytes()),
            ("reason", message.as_bytes()),
            ("after_seconds", wait.as_bytes()),
        ];
        if !traceback.is_empty() {
            fields.push(("traceback", traceback));
        }
        setup.logger.report(
            Level::Error,
            "the script was stopped by a limit and starts again",
            &fields,
        );
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            // Nothing of this worker's runs that could end; the others may have something.
            number = setup.stop.clone().made() => return Ending::Signal(number),
        }
        backoff = (backoff * 2).clamp(FIRST_BACKOFF, MAX_BACKOFF);
    }
}

/// Several workers are for servers: of anything else they would do everything several times.
fn check_workers(end: InstanceEnd, setup: &Setup) -> Ending {
    match end.ending {
        Ending::Done if setup.config.workers > 1 && !end.served => Ending::Usage {
            message: "--workers is for scripts that call http.serve, and this one did not: run it without"
                .to_owned(),
        },
        ending => ending,
    }
}
