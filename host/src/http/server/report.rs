//! What a server tells the operator: one line a failure, with an id that the client sees too.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes error lines to the log: a message and named values. Clones share it.
#[derive(Clone)]
pub struct Report {
    write: Arc<Write>,
    failures: Arc<AtomicU32>,
}

type Write = dyn Fn(&str, &[(&str, &[u8])]) + Send + Sync;

impl Report {
    /// Writes by `write`, which must escape what it is given. One for a process keeps its ids unique.
    pub fn new(write: impl Fn(&str, &[(&str, &[u8])]) + Send + Sync + 'static) -> Self {
        // The first id differs from process to process, so that one in an old log is not taken for a
        // new one; it protects nothing.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let first = time.subsec_nanos() ^ std::process::id().rotate_left(16);
        Self { write: Arc::new(write), failures: Arc::new(AtomicU32::new(first)) }
    }

    /// Something is wrong with the server itself.
    pub(super) fn trouble(&self, message: &str, fields: &[(&str, &[u8])]) {
        (self.write)(message, fields);
    }

    /// A request failed; gives the id of the failure.
    pub(super) fn failure(&self, route: &[u8], report: &[u8]) -> String {
        let count = self.failures.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}", scattered(count));
        (self.write)(
            "request failed",
            &[("id", id.as_bytes()), ("route", route), ("report", report)],
        );
        id
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}

/// Numbers that do not look counted. Each step can be undone, so different counts stay different.
fn scattered(count: u32) -> u32 {
    let mixed = (count ^ count >> 16).wrapping_mul(0x9E37_79B1);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x85EB_CA6B);
    mixed ^ mixed >> 16
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_failures_do_not_repeat() {
        let report = Report::new(|_, _| {});
        let other = report.clone();
        let ids: HashSet<_> =
            (0..1000).flat_map(|_| [report.failure(b"", b""), other.failure(b"", b"")]).collect();
        assert_eq!(ids.len(), 2000);
    }
}
