//! The audit log: one JSON line per decision and per host operation.
//!
//! A line holds `time` (Unix seconds), `capability`, `operation`, `target`, `allowed`, `rule` (the
//! grant that decided, if one did), and after an operation `bytes` and `seconds`. Targets never hold
//! query strings, userinfo or header values.

mod entry;
mod suggestion;
pub mod summary;

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::escape::plain_json;

/// Where the lines go; clones share the file. Without a file nothing is written and nothing is built.
#[derive(Clone, Default)]
pub struct Audit {
    file: Option<Arc<Mutex<File>>>,
}

/// What was asked of a capability.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The capability's name, such as `http-client`.
    pub capability: &'static str,
    /// What it was about to do, such as `connect`.
    pub operation: &'static str,
    /// What it was about to do it to, such as `https://example.com:443`.
    pub target: &'a str,
}

impl Audit {
    /// Appends to `file`.
    pub fn to_file(file: File) -> Self {
        Self { file: Some(Arc::new(Mutex::new(file))) }
    }

    /// A decision: `rule` is the grant that allowed or denied, none if no rule matched.
    pub fn decision(&self, event: Event<'_>, allowed: bool, rule: Option<&str>) {
        self.line(event, json!({ "allowed": allowed, "rule": rule }));
    }

    /// The end of an operation, successful or not.
    pub fn operation(&self, event: Event<'_>, outcome: &str, bytes: u64, took: Duration) {
        self.line(
            event,
            json!({ "outcome": outcome, "bytes": bytes, "seconds": took.as_secs_f64() }),
        );
    }

    /// The end of an operation in which bytes of content went both ways.
    pub fn traffic(
        &self,
        event: Event<'_>,
        outcome: &str,
        sent: u64,
        received: u64,
        took: Duration,
    ) {
        self.line(
            event,
            json!({
                "outcome": outcome,
                "bytes": sent.saturating_add(received),
                "sent": sent,
                "received": received,
                "seconds": took.as_secs_f64(),
            }),
        );
    }

    /// The end of an open file, or why it could not be opened.
    pub fn file(
        &self,
        event: Event<'_>,
        outcome: &str,
        mode: &str,
        read: u64,
        written: u64,
        took: Duration,
    ) {
        self.line(
            event,
            json!({
                "mode": mode,
                "outcome": outcome,
                "bytes": read.saturating_add(written),
                "read": read,
                "written": written,
                "seconds": took.as_secs_f64(),
            }),
        );
    }

    fn line(&self, event: Event<'_>, rest: Value) {
        let Some(file) = &self.file else { return };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut line = json!({
            "time": time.as_secs_f64(),
            "capability": event.capability,
            "operation": event.operation,
            "target": event.target,
        });
        if let (Some(line), Value::Object(rest)) = (line.as_object_mut(), rest) {
            line.extend(rest);
        }
        let mut text = plain_json(&line.to_string());
        text.push('\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not stop the run; the operator sees the gap in the log.
        if let Err(error) = file.write_all(text.as_bytes()) {
            tracing::warn!("failed to write the audit log: {error}");
        }
    }
}
