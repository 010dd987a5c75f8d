//! One line for each request, as text or JSON.
//!
//! Text is as the Common Log Format, with the duration in seconds:
//! `127.0.0.1:5000 - [05/Nov/2026:10:20:30 +0000] "GET /path HTTP/1.1" 200 5 0.000123`. JSON is an object
//! with `time` (Unix seconds), `peer`, `method`, `path`, `version`, `status`, `bytes` and `seconds`.
//!
//! Lines are collected in memory and written by a thread of their own, at least once a second and at the
//! end, so that a slow disk or a full pipe never holds up a worker. If the writer cannot follow, lines
//! are dropped, counted, and the count is written.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::escape::plain_json;
use crate::log_line::LogFormat;
use crate::timestamp::{SECONDS_A_DAY, civil_date};

/// The longest a line waits to be written.
const INTERVAL: Duration = Duration::from_secs(1);

/// As many bytes are written before that.
const ENOUGH: usize = 64 * 1024;

/// Bytes that may wait; what comes then is dropped.
const MAX_WAITING: usize = 4 * 1024 * 1024;

/// Where requests are logged; clones share it. The default logs nothing.
#[derive(Clone, Debug, Default)]
pub struct AccessLog {
    writer: Option<Arc<Writer>>,
}

/// One request. The query string is no part of it: it may hold secrets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) peer: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) version: &'a str,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// Ends its thread, after all lines are written, when the last handle is dropped.
struct Writer {
    format: LogFormat,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    dropped: u64,
    ended: bool,
}

impl AccessLog {
    /// Logs to `output`, such as a file or the standard output.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn to(output: impl Write + Send + 'static, format: LogFormat) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let thread = {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name("access-log".to_owned())
                .spawn(move || queue.write_to(output, format))?
        };
        Ok(Self { writer: Some(Arc::new(Writer { format, queue, thread: Some(thread) })) })
    }

    /// Whether lines go anywhere.
    pub(super) fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Adds a line.
    pub(super) fn write(&self, line: &Line<'_>) {
        let Some(writer) = &self.writer else { return };
        let text = line.text(writer.format, now());
        let mut lines = writer.queue.lines();
        if lines.text.len() + text.len() > MAX_WAITING {
            lines.dropped += 1;
            return;
        }
        let before = lines.text.len();
        lines.text.extend_from_slice(text.as_bytes());
        if before < ENOUGH && lines.text.len() >= ENOUGH {
            writer.queue.changed.notify_one();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.lines().ended = true;
        self.queue.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It only fails if the output's own code panicked.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Queue {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut output: impl Write, format: LogFormat) {
        let mut text = Vec::new();
        let mut failed = false;
        loop {
            let (dropped, ended) = {
                let (mut lines, _) = self
                    .changed
                    .wait_timeout_while(self.lines(), INTERVAL, |lines| {
                        !lines.ended && lines.text.len() < ENOUGH
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                std::mem::swap(&mut lines.text, &mut text);
                (std::mem::take(&mut lines.dropped), lines.ended)
            };
            if dropped > 0 {
                text.extend_from_slice(dropped_line(dropped, format).as_bytes());
            }
            if !text.is_empty() {
                let outcome = output.write_all(&text).and_then(|()| output.flush());
                // A full disk must not stop the server; the operator is told once.
                if let Err(error) = outcome
                    && !std::mem::replace(&mut failed, true)
                {
                    tracing::warn!("failed to write the access log: {error}");
                }
                text.clear();
            }
            if ended {
                return;
            }
        }
    }
}

impl Line<'_> {
    fn text(&self, format: LogFormat, time: Duration) -> String {
        let Self { peer, method, path, version, status, bytes, took } = self;
        let seconds = took.as_secs_f64();
        let mut text = String::with_capacity(128 + path.len());
        // Writing to a String cannot fail.
        let _ = match format {
            LogFormat::Text => {
                let (time, method, path) = (clf_time(time.as_secs()), Quoted(method), Quoted(path));
                let request = format_args!("{method} {path} HTTP/{version}");
                writeln!(text, "{peer} - [{time}] \"{request}\" {status} {bytes} {seconds:.6}")
            }
            LogFormat::Json => {
                let line = json!({
                    "time": time.as_secs_f64(), "peer": peer, "method": method, "path": path,
                    "version": version, "status": status, "bytes": bytes, "seconds": seconds,
                });
                writeln!(text, "{}", plain_json(&line.to_string()))
            }
        };
        text
    }
}

fn dropped_line(dropped: u64, format: LogFormat) -> String {
    match format {
        LogFormat::Text => format!("- - [{}] {dropped} lines dropped\n", clf_time(now().as_secs())),
        LogFormat::Json => {
            format!("{}\n", json!({ "time": now().as_secs_f64(), "dropped": dropped }))
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Text between quotes: what could end them or the line, or move a terminal's cursor, is escaped.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                b' '..=b'~' => f.write_char(char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

/// `05/Nov/2026:10:20:30 +0000` for Unix seconds.
fn clf_time(seconds: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = civil_date(seconds / SECONDS_A_DAY);
    let name = usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"-");
    let second = seconds % SECONDS_A_DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const LINE: Line<'_> = Line {
        peer: "127.0.0.1:5000",
        method: "GET",
        path: "/a",
        version: "1.1",
        status: 200,
        bytes: 5,
        took: Duration::from_micros(123),
    };

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_lines_are_as_the_common_log_format_with_a_duration() {
        assert_eq!(
            LINE.text(LogFormat::Text, Duration::from_secs(1_793_874_030)),
            "127.0.0.1:5000 - [05/Nov/2026:10:20:30 +0000] \"GET /a HTTP/1.1\" 200 5 0.000123\n"
        );
    }

    #[test]
    fn json_lines_hold_the_same() {
        let text = LINE.text(LogFormat::Json, Duration::from_secs(1));
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["path"], "/a");
        assert_eq!(line["status"], 200);
        assert_eq!(line["time"], 1.0);
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn a_path_cannot_forge_a_line_or_end_its_quotes() {
        let line = Line { path: "/a\"\n\x1b[2J\\é", ..LINE };
        let text = line.text(LogFormat::Text, Duration::ZERO);
        assert!(text.contains(r#""GET /a\"\x0a\x1b[2J\\\xc3\xa9 HTTP/1.1""#), "{text}");
        assert_eq!(line.text(LogFormat::Json, Duration::ZERO).matches('\n').count(), 1);
    }

    #[test]
    fn every_month_has_its_name() {
        let month = |days: u64| clf_time(days * SECONDS_A_DAY);
        assert_eq!(month(0), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(month(364), "31/Dec/1970:00:00:00 +0000");
        assert_eq!(clf_time(951_868_799), "29/Feb/2000:23:59:59 +0000");
    }

    #[test]
    fn all_lines_are_written_when_the_last_handle_is_dropped() {
        let memory = Memory::default();
        let log = AccessLog::to(memory.clone(), LogFormat::Text).unwrap();
        let other = log.clone();
        log.write(&LINE);
        drop(log);
        other.write(&LINE);
        drop(other);
        assert_eq!(memory.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count(), 2);
    }

    #[test]
    fn lines_that_find_no_room_are_dropped_and_counted() {
        let memory = Memory::default();
        let hold = memory.0.lock().unwrap();
        let log = AccessLog::to(memory.clone(), LogFormat::Json).unwrap();
        let path = "a".repeat(ENOUGH);
        for _ in 0..3 * MAX_WAITING / ENOUGH {
            log.write(&Line { path: &path, ..LINE });
        }
        drop(hold);
        drop(log);
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert!(text.len() < 2 * MAX_WAITING + 2 * ENOUGH);
        assert!(text.lines().any(|line| line.contains("\"dropped\":")));
    }

    #[test]
    fn nothing_is_logged_by_default() {
        assert!(!AccessLog::default().is_on());
        AccessLog::default().write(&LINE);
    }
}
