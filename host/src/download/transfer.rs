//! One download, from the request to the file in its place.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use super::bars::{Bar, Bars};
use super::digest::{Check, Sha256};
use super::disk::{self, Message};
use super::progress::State;
use super::size::SizeLimit;
use super::{CAPABILITY, Refusal};
use crate::audit::{Audit, Event};
use crate::door::file::{Destination, Replacement};
use crate::failure::{Failure, Kind};
use crate::http::client::{Client, Request, Response};
use crate::limits::MAX_DISK_QUEUE;

/// What the task of a download has.
pub(super) struct Job {
    pub(super) client: Client,
    pub(super) timeout: Option<Duration>,
    pub(super) size: SizeLimit,
    pub(super) expected: Option<Sha256>,
    pub(super) destination: Destination,
    pub(super) replacement: Replacement,
    pub(super) bars: Bars,
    pub(super) state: watch::Sender<State>,
    pub(super) record: Record,
}

impl Job {
    /// Downloads, and says how that ended.
    pub(super) async fn run(mut self, request: Request) {
        let result = match self.timeout {
            None => self.transfer(request).await,
            Some(allowed) => match tokio::time::timeout(allowed, self.transfer(request)).await {
                Ok(result) => result,
                Err(_) => {
                    let seconds = allowed.as_secs_f64();
                    let message = format!("the download took longer than {seconds} s");
                    Err(Failure::new(Kind::Timeout, message).into())
                }
            },
        };
        // Before anybody hears of it: who learns of a failure finds nothing of the file. A time limit may
        // have passed while the disk was told that the file is in its place: then it is.
        let landed = self.replacement.give_up();
        let result = match result {
            Err(refusal) if landed && refusal.failure.kind == Kind::Timeout => {
                Ok(self.record.bytes)
            }
            result => result,
        };
        self.record.ended(&result);
        self.state.send_modify(|state| state.end = Some(result));
    }

    async fn transfer(&mut self, request: Request) -> Result<u64, Refusal> {
        let destination = self.destination.clone();
        joined(spawn_blocking(move || destination.examine())).await?;
        let response = self.client.clone().send(request).await?;
        if !(200..300).contains(&response.status) {
            let refusal = refused(&response);
            if let Some(body) = response.rest {
                body.leave();
            }
            return Err(refusal);
        }
        let total = response.length;
        self.size.check(total.unwrap_or(0))?;
        self.state.send_modify(|state| state.total = total);
        let (sender, messages) = mpsc::channel(MAX_DISK_QUEUE);
        let disk = self.start_disk(messages, total);
        match self.feed(response, &sender).await {
            Ok(bytes) => joined(disk).await.map(|()| bytes).map_err(Refusal::from),
            Err(Stopped::Network(failure)) => Err(failure.into()),
            Err(Stopped::Disk) => {
                // Only a failure stops it early.
                joined(disk).await?;
                Err(Failure::new(Kind::Io, "the file was not written").into())
            }
        }
    }

    fn start_disk(
        &self,
        messages: mpsc::Receiver<Message>,
        total: Option<u64>,
    ) -> JoinHandle<Result<(), Failure>> {
        let (replacement, bars) = (self.replacement.clone(), self.bars.clone());
        let (check, name) = (self.expected.map(Check::new), self.destination.shown().to_owned());
        spawn_blocking(move || {
            let mut bar: Bar = bars.start(&name, total);
            disk::write(&replacement, messages, check, &mut bar)
        })
    }

    /// Hands the body to the disk; how many bytes it had.
    async fn feed(
        &mut self,
        response: Response,
        disk: &mpsc::Sender<Message>,
    ) -> Result<u64, Stopped> {
        let mut piece = response.body;
        let mut rest = response.rest;
        loop {
            if !piece.is_empty() {
                self.record.bytes = self.record.bytes.saturating_add(piece.len() as u64);
                self.size.check(self.record.bytes).map_err(Stopped::Network)?;
                disk.send(Message::Piece(piece)).await.map_err(|_| Stopped::Disk)?;
                self.state.send_modify(|state| state.done = self.record.bytes);
            }
            let Some(body) = &rest else { break };
            piece = body.clone().read().await.map_err(Stopped::Network)?;
            if piece.is_empty() {
                rest = None;
            }
        }
        disk.send(Message::End).await.map_err(|_| Stopped::Disk)?;
        Ok(self.record.bytes)
    }
}

/// What ended a body early.
enum Stopped {
    Network(Failure),
    /// The thread of the disk is gone; it knows why.
    Disk,
}

/// The audit record of one download.
pub(super) struct Record {
    audit: Audit,
    target: String,
    started: Instant,
    outcome: &'static str,
    /// Bytes that arrived.
    bytes: u64,
}

impl Record {
    pub(super) fn start(audit: Audit, target: &str) -> Self {
        let (target, started) = (target.to_owned(), Instant::now());
        // What it is if nobody says otherwise: the script, or what stopped it, dropped the download.
        Self { audit, target, started, outcome: "cancelled", bytes: 0 }
    }

    fn ended(&mut self, result: &Result<u64, Refusal>) {
        self.outcome = match result {
            Ok(_) => "ok",
            Err(refusal) => refusal.failure.kind.as_str(),
        };
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let event = Event { capability: CAPABILITY, operation: "file", target: &self.target };
        self.audit.operation(event, self.outcome, self.bytes, self.started.elapsed());
    }
}

fn refused(response: &Response) -> Refusal {
    let status = response.status;
    let reason =
        reqwest::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    let message = match reason {
        Some(reason) => format!("the server answered {status} {reason}"),
        None => format!("the server answered {status}"),
    };
    Refusal { failure: Failure::new(Kind::Protocol, message), status: Some(status) }
}

async fn joined(thread: JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
    thread.await.unwrap_or_else(|error| {
        Err(Failure::new(Kind::Io, format!("the thread that writes the file ended: {error}")))
    })
}
