//! The log of a run: what the script says and what the host has to say about the script.
//!
//! Both go through one [`Logger`], so that they share one form and one rate limit: a client that
//! makes handlers fail must not fill a disk any more than a script that logs in a loop.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::limits::MAX_LOG_LINE;
use crate::log_line::{Field, FieldValue, Level, LogFormat, log_line, warning_line};
use crate::quantity::show_size;

/// Writes log lines to one place; clones share it and its rate limit.
#[derive(Clone)]
pub struct Logger {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    out: Box<dyn Write + Send>,
    format: LogFormat,
    /// The operator's limit in bytes a second.
    rate: Option<u64>,
    tokens: Bucket,
    dropped: Dropped,
}

/// Lines that the rate limit kept out since it was last said.
#[derive(Clone, Copy, Default)]
struct Dropped {
    lines: u64,
    bytes: u64,
}

impl Logger {
    /// Writes to `out`, at most `rate` bytes a second. Each line is one `write_all`.
    pub fn new(out: Box<dyn Write + Send>, format: LogFormat, rate: Option<u64>) -> Self {
        let tokens = Bucket::new(rate, Instant::now());
        let shared = Shared { out, format, rate, tokens, dropped: Dropped::default() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Writes to standard error.
    pub fn stderr(format: LogFormat, rate: Option<u64>) -> Self {
        Self::new(Box::new(io::stderr()), format, rate)
    }

    /// Logs what the host has to say; the values of `fields` are text.
    pub fn report(&self, level: Level, message: &str, fields: &[(&str, &[u8])]) {
        let fields: Vec<Field<'_>> =
            fields.iter().map(|(name, value)| (name.as_bytes(), FieldValue::Text(value))).collect();
        self.write(level, message.as_bytes(), &fields);
    }

    /// Logs a message of any bytes.
    pub fn write(&self, level: Level, message: &[u8], fields: &[Field<'_>]) {
        self.write_at(Instant::now(), level, message, fields);
    }

    /// Logs a warning of Lua's own, of any bytes.
    pub fn warning(&self, message: &[u8]) {
        self.put_at(Instant::now(), message.len(), |format| {
            warning_line(format, SystemTime::now(), message)
        });
    }

    /// Says what was dropped and not yet said. For the end of a run.
    pub fn finish(&self) {
        self.lock().say_dropped();
    }

    fn write_at(&self, now: Instant, level: Level, message: &[u8], fields: &[Field<'_>]) {
        self.put_at(now, message.len(), |format| {
            log_line(format, SystemTime::now(), level, message, fields)
        });
    }

    /// Writes a line if the limit allows it; what is dropped counts with `length` bytes.
    fn put_at(&self, now: Instant, length: usize, line: impl FnOnce(LogFormat) -> String) {
        let mut shared = self.lock();
        // While a burst is being dropped its lines are not even built.
        if !shared.tokens.open(now) {
            shared.drop_line(length);
            return;
        }
        shared.say_dropped();
        let line = line(shared.format);
        if shared.tokens.take(line.len()) {
            shared.put(&line);
        } else {
            shared.drop_line(length);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn drop_line(&mut self, bytes: usize) {
        self.dropped.lines = self.dropped.lines.saturating_add(1);
        self.dropped.bytes = self.dropped.bytes.saturating_add(bytes as u64);
    }

    /// The one line about a burst that was dropped. It is not counted itself: there is at most one
    /// for each filling of the bucket.
    fn say_dropped(&mut self) {
        let Dropped { lines, bytes } = std::mem::take(&mut self.dropped);
        if lines == 0 {
            return;
        }
        let message = format!(
            "{lines} log lines ({bytes} bytes) dropped: more than --max-log={} a second",
            show_size(self.rate),
        );
        let line = log_line(self.format, SystemTime::now(), Level::Warn, message.as_bytes(), &[]);
        self.put(&line);
    }

    fn put(&mut self, line: &str) {
        // There is no place left to report that the place for reports is gone.
        let _ = self.out.write_all(line.as_bytes());
        let _ = self.out.flush();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.say_dropped();
    }
}

/// A token bucket of bytes that, once empty, stays shut until it is full again.
///
/// Without the second half a flood would get every hundredth line through and say after each that
/// lines were dropped. The capacity is one second's worth, and at least one line.
struct Bucket {
    rate: Option<u64>,
    capacity: f64,
    tokens: f64,
    shut: bool,
    filled: Instant,
}

impl Bucket {
    fn new(rate: Option<u64>, now: Instant) -> Self {
        let capacity = match rate {
            Some(0) | None => 0.0,
            Some(rate) => rate.max(MAX_LOG_LINE as u64) as f64,
        };
        Self { rate, capacity, tokens: capacity, shut: false, filled: now }
    }

    /// Whether a line may be tried at `now`.
    fn open(&mut self, now: Instant) -> bool {
        let Some(rate) = self.rate else { return true };
        let passed = now.saturating_duration_since(self.filled).min(Duration::from_secs(3600));
        let gained = passed.as_secs_f64() * rate as f64;
        // Left alone until it amounts to something, so that a flood of calls loses no fractions.
        if gained >= 1.0 {
            self.tokens = (self.tokens + gained).min(self.capacity);
            self.filled = now;
        }
        if self.shut && self.tokens >= self.capacity && self.capacity > 0.0 {
            self.shut = false;
        }
        !self.shut
    }

    /// Takes `bytes` out, or shuts.
    fn take(&mut self, bytes: usize) -> bool {
        if self.rate.is_none() {
            return true;
        }
        if bytes as f64 > self.tokens {
            self.shut = true;
            return false;
        }
        self.tokens -= bytes as f64;
        true
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Sink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        fn len(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logger(rate: Option<u64>) -> (Logger, Sink) {
        let sink = Sink::default();
        (Logger::new(Box::new(sink.clone()), LogFormat::Text, rate), sink)
    }

    #[test]
    fn a_report_holds_its_fields_on_one_line() {
        let (logger, sink) = logger(None);
        logger.report(Level::Error, "handler failed", &[("id", b"ab12"), ("traceback", b"a\nb")]);
        let text = sink.text();
        assert!(text.ends_with("ERROR handler failed id=ab12 traceback=\"a\\nb\"\n"), "{text}");
    }

    #[test]
    fn a_flood_is_dropped_counted_and_said_once_a_burst() {
        let (logger, sink) = logger(Some(20_000));
        let start = Instant::now();
        // Ten seconds of a thousand lines each.
        for step in 0..10_000u64 {
            logger.write_at(start + Duration::from_millis(step), Level::Info, &[b'x'; 100], &[]);
        }
        logger.finish();
        let text = sink.text();
        assert!(sink.len() < 12 * 20_000, "{} bytes", sink.len());
        let said: Vec<&str> = text.lines().filter(|line| line.contains("dropped")).collect();
        assert!((2..=11).contains(&said.len()), "{} times", said.len());
        assert!(said.iter().all(|line| line.contains("--max-log")));
        let written = text.lines().count() - said.len();
        let dropped: u64 = said
            .iter()
            .filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok())
            .sum();
        assert_eq!(written as u64 + dropped, 10_000);
    }

    #[test]
    fn a_pause_fills_the_bucket_again() {
        let (logger, sink) = logger(Some(20_000));
        let start = Instant::now();
        for _ in 0..1000 {
            logger.write_at(start, Level::Info, &[b'x'; 100], &[]);
        }
        logger.write_at(start + Duration::from_secs(5), Level::Info, b"after", &[]);
        let text = sink.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().rev().nth(1).unwrap().contains("dropped"));
        assert!(lines.last().unwrap().ends_with("after"));
    }

    #[test]
    fn a_limit_below_one_line_still_lets_lines_through() {
        let (logger, sink) = logger(Some(1));
        logger.report(Level::Info, "first", &[]);
        assert!(sink.text().contains("first"));
    }

    #[test]
    fn a_limit_of_nothing_logs_nothing_but_the_count() {
        let (logger, sink) = logger(Some(0));
        for _ in 0..3 {
            logger.report(Level::Info, "secret", &[]);
        }
        drop(logger);
        let text = sink.text();
        assert!(!text.contains("secret") && text.contains("3 log lines"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
