//! One request on its way into the access log.

use hyper::http::request::Parts;
use hyper::{Method, Uri, Version};
use tokio::time::Instant;

use super::access_log::{AccessLog, Line};
use super::request;

/// The status in the access log of a request whose client went away before the answer. Nobody receives
/// it; other servers write the same number.
const CLIENT_GONE: u16 = 499;

/// Becomes a line when it is dropped: when the request ends, in whatever way.
pub(super) struct LogEntry {
    log: AccessLog,
    peer: Box<str>,
    method: Method,
    uri: Uri,
    version: Version,
    started: Instant,
    status: u16,
    bytes: u64,
}

impl LogEntry {
    /// The entry of a request that begins; none if nothing is logged.
    pub(super) fn begin(
        log: &AccessLog,
        peer: &str,
        parts: &Parts,
        started: Instant,
    ) -> Option<Box<Self>> {
        log.is_on().then(|| {
            Box::new(Self {
                log: log.clone(),
                peer: peer.into(),
                method: parts.method.clone(),
                uri: parts.uri.clone(),
                version: parts.version,
                started,
                status: CLIENT_GONE,
                bytes: 0,
            })
        })
    }

    /// The head of the response goes out.
    pub(super) fn answered(&mut self, status: u16) {
        self.status = status;
    }

    /// So much of its body goes out with it.
    pub(super) fn sent(&mut self, bytes: u64) {
        if self.method != Method::HEAD {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        self.log.write(&Line {
            peer: &self.peer,
            method: self.method.as_str(),
            path: self.uri.path(),
            version: request::version(self.version),
            status: self.status,
            bytes: self.bytes,
            took: self.started.elapsed(),
        });
    }
}
