//! The audit record of one exchange, hop by hop.

use std::sync::Arc;
use std::time::Instant;

use crate::audit::Event;
use crate::door::network::{CheckedUrl, Network};
use crate::failure::Failure;

/// The capability's name in the audit log.
pub const CAPABILITY: &str = "http-client";

/// Writes a line for each hop of redirects, and one when the exchange is over, however it ends.
pub(super) struct Record {
    network: Arc<Network>,
    target: String,
    started: Instant,
    status: Option<u16>,
    outcome: Option<String>,
    /// Bytes of body that are sent.
    pub(super) sent: u64,
    /// Bytes of decoded body that arrived.
    pub(super) bytes: u64,
}

impl Record {
    /// Starts the clock of an exchange with `url`.
    pub(super) fn start(network: Arc<Network>, url: &CheckedUrl) -> Self {
        Self {
            network,
            target: url.origin(),
            started: Instant::now(),
            status: None,
            outcome: None,
            sent: 0,
            bytes: 0,
        }
    }

    /// The exchange goes on with another URL, after a redirect.
    pub(super) fn redirected(&mut self, url: &CheckedUrl) {
        self.succeeded();
        self.write();
        (self.status, self.outcome) = (None, None);
        (self.target, self.started, self.sent) = (url.origin(), Instant::now(), 0);
    }

    /// The head of a response is there.
    pub(super) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The exchange is complete.
    pub(super) fn succeeded(&mut self) {
        self.outcome = self.status.map(|status| status.to_string());
    }

    /// The exchange failed.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.outcome = Some(failure.kind.as_str().to_owned());
    }

    fn write(&self) {
        // Neither done nor failed: the script, or what stopped it, dropped the exchange.
        let outcome = self.outcome.as_deref().unwrap_or("cancelled");
        let event = Event { capability: CAPABILITY, operation: "exchange", target: &self.target };
        let took = self.started.elapsed();
        self.network.audit().traffic(event, outcome, self.sent, self.bytes, took);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.write();
    }
}
