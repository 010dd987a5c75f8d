//! A worker: one thread with a runtime of its own, which runs one instance after the other.
//!
//! Only a server gets a second instance: when a limit or a fault of ours stops the first, its listening
//! socket stays open and the script starts again from the top.

use std::pin::pin;
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
        let end = run_instance(setup).await;
        if !end.replaceable || setup.stop.number().is_some() {
            return check_workers(end, setup);
        }
        if begun.elapsed() >= STEADY {
            backoff = Duration::ZERO;
        }
        report_replacement(setup, &end.ending, backoff);
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            // Nothing of this worker's runs that could end; the others may have something.
            number = setup.stop.clone().made() => return Ending::Signal(number),
        }
        backoff = (backoff * 2).clamp(FIRST_BACKOFF, MAX_BACKOFF);
    }
}

/// Runs an instance to its end. Once it is steady, sockets of its predecessor that it did not ask for
/// are closed.
async fn run_instance(setup: &Setup) -> InstanceEnd {
    let mut run = pin!(instance::run(setup));
    tokio::select! {
        end = &mut run => return end,
        () = tokio::time::sleep(STEADY) => setup.listeners.close_unused(),
    }
    run.await
}

fn report_replacement(setup: &Setup, ending: &Ending, backoff: Duration) {
    let (what, reason, traceback) = match ending {
        Ending::Limit { message, traceback } => {
            ("the script was stopped by a limit and starts again", message.as_bytes(), traceback)
        }
        Ending::Failed { message, traceback } => (
            "tidelock failed, not the script, which starts again; please report this",
            message.as_slice(),
            traceback,
        ),
        Ending::Done | Ending::Exit(_) | Ending::Usage { .. } | Ending::Signal(_) => return,
    };
    let wait = format!("{:.1}", backoff.as_secs_f64());
    let mut fields = vec![
        ("script", setup.script.name().as_bytes()),
        ("reason", reason),
        ("after_seconds", wait.as_bytes()),
    ];
    if !traceback.is_empty() {
        fields.push(("traceback", traceback));
    }
    setup.logger.report(Level::Error, what, &fields);
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

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::{self, Read, Write};
    use std::net::TcpStream;
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;
    use crate::config::{Config, Script};
    use crate::door::file::Files;
    use crate::log_line::LogFormat;
    use crate::logger::Logger;
    use crate::run::stop::StopRequest;
    use crate::script_text::ScriptText;

    /// In unit tests `os.exit` with this code is a fault of the host, which no script can cause.
    pub const FAULT: i32 = 0x5eed;

    /// Sends the lines of a log.
    struct Lines(mpsc::Sender<String>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(line).into_owned());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn get(port: &str, path: &str) -> String {
        let mut client = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_server_outlives_a_fault_of_the_host() {
        let text = format!(
            "local function fail() os.exit({FAULT}) end
            http.serve(0, {{ GET = {{ ['/'] = function() return 'well' end, ['/fault'] = fail }} }},
              {{ on_listen = function(server) log.info('port', {{ port = server.port }}) end }})"
        );
        let script = Script::Code { name: "serve".to_owned(), text: text.into_bytes() };
        let mut config = Config::new(script.clone());
        config.grants.listen.allow("0").unwrap();
        let (send, lines) = mpsc::channel();
        let (request_stop, stop) = StopRequest::new();
        let files =
            Arc::new(Files::open(config.grants.files.clone(), config.audit.clone()).unwrap());
        let script = ScriptText::load(&script, config.limits.max_source).unwrap();
        let mut setup = Setup::new(config, script, files, stop).unwrap();
        setup.logger = Logger::new(Box::new(Lines(send)), LogFormat::Text, None);
        let worker = thread::spawn(move || run(&setup));
        let port = |line: String| line.trim_end().rsplit('=').next().unwrap().to_owned();

        let first = port(lines.recv().unwrap());
        assert!(get(&first, "/").ends_with("well"));
        assert!(get(&first, "/fault").starts_with("HTTP/1.1 503 "));
        let line = lines.recv().unwrap();
        assert!(line.contains(" ERROR tidelock failed, not the script"), "{line}");
        assert!(
            line.contains("internal error: ") && line.contains("a fault of the host"),
            "{line}"
        );
        assert!(line.contains("serve:1: in "), "{line}");
        assert_eq!(port(lines.recv().unwrap()), first);
        assert!(get(&first, "/").ends_with("well"));

        request_stop.send_replace(Some(15));
        assert_eq!(worker.join().unwrap(), Ending::Done);
    }
}
