//! Downloads: a response body that becomes a file, whole or not at all.
//!
//! The network is the HTTP client's, the disk is the file door's. In between runs one task for each
//! download; a thread of its own does what blocks, so that neither the event loop nor another script
//! waits for the disk.

pub mod bars;
mod digest;
mod disk;
mod progress;
mod size;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::bars::Bars;
use self::digest::Sha256;
use self::progress::{Pace, State};
use self::size::SizeLimit;
use self::transfer::{Job, Record};
use crate::audit::Audit;
use crate::door::file::{Files, Replacement};
use crate::failure::Failure;
use crate::http::client::{Client, Request, Taking};

/// The capability's name in the audit log.
const CAPABILITY: &str = "download";

/// What all downloads of a run share.
#[derive(Clone)]
pub struct Downloads {
    files: Arc<Files>,
    max_download: Option<u64>,
    bars: Bars,
    audit: Audit,
}

/// A download as a script ordered it, nothing checked. The fields are those of `download.request` in `wit/`.
pub struct Order {
    /// An absolute `http` or `https` URL.
    pub url: Vec<u8>,
    /// Where the file is to appear.
    pub path: Vec<u8>,
    /// A header block.
    pub headers: Vec<u8>,
    /// The digest the file must have, in hexadecimal.
    pub sha256: Option<Vec<u8>>,
    /// For all of it.
    pub timeout: Option<Duration>,
    /// For the head of the response, and for each wait for a piece of its body.
    pub idle_timeout: Duration,
    /// For resolving and connecting, for each hop.
    pub connect_timeout: Option<Duration>,
    /// Whether a redirect is followed; if not, it is a failure.
    pub follow_redirects: bool,
    /// Bytes the file may have.
    pub max_size: u64,
    /// Whether the script wants to know how far it is.
    pub progress: bool,
}

/// Why a download failed.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What went wrong.
    pub failure: Failure,
    /// The status of the response, if that was it.
    pub status: Option<u16>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, status: None }
    }
}

/// What a script is told next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// How far the download is.
    Progress {
        /// Bytes that arrived.
        done: u64,
        /// Bytes there will be, if that is known.
        total: Option<u64>,
    },
    /// The file is in its place and has so many bytes.
    Finished(u64),
}

/// A download under way. Dropping the last clone stops it and removes what it made.
#[derive(Clone)]
pub struct Transfer {
    inner: Arc<Inner>,
}

struct Inner {
    state: watch::Receiver<State>,
    pace: Option<Pace>,
    task: JoinHandle<()>,
    replacement: Replacement,
}

impl Downloads {
    /// Downloads through the door `files`; at most `max_download` bytes each.
    pub fn new(files: Arc<Files>, max_download: Option<u64>, bars: Bars, audit: Audit) -> Self {
        Self { files, max_download, bars, audit }
    }

    /// Begins a download with the connections and the trust of `client`. Must be called in a runtime.
    ///
    /// # Errors
    /// As `download.transfer.start` in `wit/`.
    pub fn start(&self, client: &Client, order: Order) -> Result<Transfer, Failure> {
        let expected = order.sha256.as_deref().map(Sha256::parse).transpose()?;
        let destination = self.files.destination(CAPABILITY, &order.path)?;
        let replacement = destination.replacement();
        let (sender, state) = watch::channel(State::default());
        let request = Request {
            method: b"GET".to_vec(),
            url: order.url,
            headers: order.headers,
            body: None,
            taking: Taking::Pieces,
            timeout: order.idle_timeout,
            connect_timeout: order.connect_timeout,
            follow_redirects: order.follow_redirects,
            max_size: None,
            identity: true,
        };
        let job = Job {
            record: Record::start(self.audit.clone(), destination.shown()),
            client: client.clone(),
            timeout: order.timeout,
            size: SizeLimit { asked: order.max_size, operator: self.max_download },
            expected,
            bars: self.bars.clone(),
            destination,
            replacement: replacement.clone(),
            state: sender,
        };
        let task = tokio::spawn(job.run(request));
        let pace = order.progress.then(Pace::default);
        Ok(Transfer { inner: Arc::new(Inner { state, pace, task, replacement }) })
    }
}

impl Transfer {
    /// Waits for the next step. Without progress in the order there is only the last. Progress comes
    /// no more often than a person could see, and once at the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As `download.transfer.next` in `wit/`.
    pub async fn next(self) -> Result<Step, Refusal> {
        let mut state = self.inner.state.clone();
        match &self.inner.pace {
            Some(pace) => pace.next(&mut state).await,
            None => progress::end(&mut state).await.map(Step::Finished),
        }
    }

    /// Stops the download, whoever else still has it, and removes what it made. Does nothing once the
    /// file is in its place.
    pub fn stop(&self) {
        self.inner.stop();
    }
}

impl Inner {
    fn stop(&self) {
        self.task.abort();
        // The task goes when its thread next looks; the file must be gone when this returns.
        self.replacement.give_up();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}
