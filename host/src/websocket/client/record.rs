//! The audit record of one connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite};

use super::CAPABILITY;
use crate::audit::Event;
use crate::door::network::{CheckedUrl, Network};
use crate::failure::Failure;
use crate::websocket::{Driver, Summary};

/// Writes one line when the connection is over, however it ends.
pub(super) struct Record {
    network: Arc<Network>,
    target: String,
    started: Instant,
    failure: Option<&'static str>,
    summary: Option<Summary>,
}

impl Record {
    /// Starts the clock of a connection to `url`.
    pub(super) fn start(network: Arc<Network>, url: &CheckedUrl) -> Self {
        let started = Instant::now();
        Self { network, target: url.origin(), started, failure: None, summary: None }
    }

    /// There will be no connection.
    pub(super) fn failed(&mut self, failure: &Failure) {
        self.failure = Some(failure.kind.as_str());
    }

    /// Runs a connection, and knows in the end what went through it, also if it is dropped.
    pub(super) fn over<S>(self, driver: Driver<S>) -> Recorded<S> {
        Recorded { driver, record: self }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Summary { code, sent, received } =
            self.summary.unwrap_or(Summary { code: None, sent: 0, received: 0 });
        let outcome = match (self.failure, code) {
            (Some(kind), _) => kind.to_owned(),
            (None, Some(code)) => code.to_string(),
            (None, None) => "cancelled".to_owned(),
        };
        let event = Event { capability: CAPABILITY, operation: "connection", target: &self.target };
        let took = self.started.elapsed();
        self.network.audit().traffic(event, &outcome, sent, received, took);
    }
}

/// A driver with the record of its connection.
pub(super) struct Recorded<S> {
    driver: Driver<S>,
    record: Record,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Recorded<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.get_mut().driver).poll(cx)
    }
}

impl<S> Drop for Recorded<S> {
    fn drop(&mut self) {
        self.record.summary = Some(self.driver.summary());
    }
}
