//! HTTP/1.1 server (RFC 9110, RFC 9112): sockets, connections, limits.
//!
//! A [`Server`] accepts connections and turns their requests into [`Event`]s, which whoever owns it takes
//! with [`Server::next`] and answers by number. Everything runs as tasks of the tokio runtime that the
//! server was started in: one connection, one task; and one task that accepts. Nothing here knows of the
//! sandbox.
//!
//! ```text
//! accept ─▶ connection ─▶ service ─▶ exchange ─▶ Server::next
//!             │ guarded ◀─ link ◀───────────────── Server::respond
//! ```

mod accept;
pub mod access_log;
mod body;
mod connection;
mod connections;
mod exchange;
mod framing;
mod guarded;
mod link;
mod listeners;
mod load;
mod log_entry;
mod progress;
mod reply_body;
mod report;
mod request;
mod request_body;
mod response;
mod service;
mod stream;
#[cfg(test)]
mod tests;
mod upgrade;
mod websocket;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Response;
use hyper::server::conn::http1;
use tokio::time::Instant;

use self::access_log::AccessLog;
use self::connections::{Connections, Mode};
use self::exchange::{Exchanges, Refusal};
use self::link::{Answer, Link};
pub(crate) use self::listeners::InstanceListeners;
use self::listeners::Lease;
pub use self::listeners::Listeners;
use self::load::Load;
use self::reply_body::ReplyBody;
pub use self::report::Report;
pub use self::request_body::IncomingBody;
use self::response::Head;
pub use self::stream::{OutgoingBody, StreamKind};
pub use self::upgrade::UpgradeOptions;
pub use self::websocket::Accepted;
use crate::budget::Budget;
use crate::failure::{Failure, Kind};
use crate::grants::listen::CheckedListen;
use crate::limits::Limits;
use crate::websocket::Slots;

/// What the servers of a worker are set to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The operator's limits.
    pub limits: Arc<Limits>,
    /// Whether clients see why a handler failed.
    pub dev: bool,
    /// Where failures are reported.
    pub report: Report,
    /// Where requests are logged.
    pub access_log: AccessLog,
}

/// Opens the servers of one instance.
#[derive(Debug)]
pub struct Servers {
    settings: Settings,
    listeners: InstanceListeners,
    load: Arc<Load>,
    budget: Arc<Budget>,
    slots: Slots,
}

/// A listening socket and its connections.
///
/// Dropping it answers what is unanswered with 503, and closes the connections; the socket itself stays
/// open, see [`Listeners`].
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

/// What happens to a server.
#[derive(Debug)]
pub enum Event {
    /// A request is to be answered.
    Request(Request),
    /// A request that was handed over needs no answer any more: its client is gone or its time is up.
    Gone(u64),
    /// The server has stopped, and every connection is closed.
    Stopped,
}

/// A request, as `wit/http-server.wit` lays it out.
#[derive(Debug)]
pub struct Request {
    /// Its number, never used twice by one server.
    pub id: u64,
    /// Method, path, query, version and peer, then the header block; each part ends in a NUL.
    pub head: Vec<u8>,
    /// The beginning of the body.
    pub body: Vec<u8>,
    /// How many bytes [`Server::read_body`] still gives.
    pub body_rest: u64,
    /// Whether the body is still on its way.
    pub body_coming: bool,
}

/// The wait for events, see [`Server::next`].
#[derive(Debug)]
pub struct Next {
    shared: Arc<Shared>,
}

/// What a server, its tasks and its connections share.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    load: Arc<Load>,
    budget: Arc<Budget>,
    slots: Slots,
    /// Whether requests are handed over before their bodies.
    bodies_come: bool,
    address: String,
    http: http1::Builder,
    exchanges: Mutex<Exchanges>,
    connections: Connections,
    lease: Mutex<Lease>,
    /// Whether the script itself has closed the server.
    closed: AtomicBool,
}

impl Servers {
    /// For a new instance, whose sockets come from `listeners`.
    ///
    /// What its streams hold for their clients is counted by `budget`, its WebSockets by `slots`.
    pub fn new(
        settings: Settings,
        listeners: &Listeners,
        budget: Arc<Budget>,
        slots: Slots,
    ) -> Self {
        let listeners = listeners.for_instance();
        Self { settings, listeners, load: Arc::default(), budget, slots }
    }

    /// Listens. Needs a tokio runtime, in which the server then runs. With `bodies_come`, requests are
    /// handed over before their bodies.
    ///
    /// # Errors
    /// [`Kind::Io`]: the address cannot be bound; the message begins with `bind failed:`.
    pub fn listen(&self, checked: &CheckedListen, bodies_come: bool) -> Result<Server, Failure> {
        let failed =
            |error| Failure::new(Kind::Io, format!("bind failed: {}: {error}", checked.address()));
        let (listener, lease) = self.listeners.open(checked)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
        let limits = &self.settings.limits;
        let shared = Arc::new(Shared {
            http: protocol(limits),
            exchanges: Mutex::new(Exchanges::new(Arc::clone(&self.load), limits.max_in_flight)),
            connections: Connections::new(limits.max_connections),
            settings: self.settings.clone(),
            load: Arc::clone(&self.load),
            budget: Arc::clone(&self.budget),
            slots: self.slots.clone(),
            bodies_come,
            address,
            lease: Mutex::new(lease),
            closed: AtomicBool::new(false),
        });
        tokio::spawn(accept::run(Arc::clone(&shared), listener));
        Ok(Server { shared })
    }
}

impl Server {
    /// The bound address as `ip:port`.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// Waits for events and gives those that are there: at most [`MAX_EVENTS`](crate::limits::MAX_EVENTS),
    /// and no more bytes than [`MAX_CROSSING`](crate::limits::MAX_CROSSING). One wait at a time.
    pub fn next(&self) -> Next {
        Next { shared: Arc::clone(&self.shared) }
    }

    /// The next piece of the body of a request, at most 64 KiB; empty at its end.
    pub fn read_body(&self, id: u64) -> Vec<u8> {
        self.shared.exchanges().read_body(id)
    }

    /// Answers a request with `status`, a header block and a body; one that is gone is ignored.
    ///
    /// # Errors
    /// Why this response cannot be sent; the request still waits for an answer.
    pub fn respond(
        &self,
        id: u64,
        status: u16,
        headers: Vec<u8>,
        body: Vec<u8>,
    ) -> Result<(), String> {
        let response = response::from_guest(status, headers, body, &self.shared.settings.limits)?;
        let request = self.shared.exchanges().take(id);
        if let Some(request) = request {
            request.link.answer(Answer::Reply(response));
        }
        Ok(())
    }

    /// Waits for the whole body of a request that came without it. False if it cannot be had; the request
    /// is answered then.
    pub fn collect_body(&self, id: u64) -> impl Future<Output = bool> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            // Meanwhile it takes no place of those that are with their handlers: clients that send slowly
            // could take them all.
            let coming = shared.exchanges().begin_collecting(id);
            let Some((body, link)) = coming else { return false };
            let max = shared.settings.limits.max_body;
            match body::collect(body, max, &shared.load, link.progress()).await {
                Ok((body, share)) => {
                    link.progress().handling(id, Instant::now());
                    let mut body = Some((body, share));
                    poll_fn(|context| shared.exchanges().poll_collected(id, &mut body, context))
                        .await
                }
                Err(refused) => {
                    let request = shared.exchanges().take(id);
                    if let Some(request) = request {
                        request.link.answer(Answer::Refused(refused));
                    }
                    false
                }
            }
        }
    }

    /// The body of a request that came without it, to be read as it arrives.
    pub fn open_body(&self, id: u64) -> IncomingBody {
        let coming = self.shared.exchanges().take_coming(id);
        IncomingBody::new(coming.map(|(body, _)| body), self.shared.settings.limits.body_timeout)
    }

    /// Begins to answer a request; none if it is gone, or if responses of this status have no content.
    ///
    /// # Errors
    /// As [`Self::respond`].
    pub fn start(
        &self,
        id: u64,
        status: u16,
        headers: Vec<u8>,
        kind: StreamKind,
    ) -> Result<Option<OutgoingBody>, String> {
        let head = Head::from_guest(status, headers, &self.shared.settings.limits)?;
        let request = self.shared.exchanges().take(id);
        let Some(request) = request else { return Ok(None) };
        if !head.has_content() {
            request.link.answer(Answer::Reply(head.with(Bytes::new().into())));
            return Ok(None);
        }
        let (writer, body) = stream::pair(&self.shared, request.link.progress(), id, kind);
        request.link.answer(Answer::Reply(head.with(ReplyBody::Streamed(Box::new(body)))));
        Ok(Some(writer))
    }

    /// Upgrades a request to a WebSocket; none if it is gone or has been refused.
    ///
    /// # Errors
    /// As [`Self::respond`].
    pub fn upgrade(&self, id: u64, options: UpgradeOptions) -> Result<Option<Accepted>, String> {
        let fields = upgrade::own_fields(&options, &self.shared.settings.limits)?;
        let request = self.shared.exchanges().take(id);
        Ok(request.and_then(|request| self.shared.upgrade(id, request, &options, fields)))
    }

    /// Logs that what a handler had answered with failed later.
    pub fn report(&self, route: &[u8], report: &[u8]) {
        self.shared.settings.report.failure(route, report);
    }

    /// Answers a request whose handler failed with 500 and logs the report; one that is gone is ignored.
    pub fn fail(&self, id: u64, route: &[u8], report: &[u8]) {
        let request = self.shared.exchanges().take(id);
        let Some(exchange::Request { link, .. }) = request else { return };
        link.answer(Answer::Reply(self.shared.failed(route, report)));
    }

    /// The script gives its server up: the socket is closed with it, and the address can be used again at
    /// once. To be followed by dropping the server.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.lease().leave();
    }

    /// Stops accepting, lets what has begun end within the grace period, then closes.
    pub fn stop(&self) {
        self.shared.connections.enter(Mode::Stopping);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.exchanges().abandon();
        self.shared.connections.enter(Mode::Abandoned);
    }
}

impl Future for Next {
    type Output = Vec<Event>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.exchanges().poll_events(context)
    }
}

impl Shared {
    fn exchanges(&self) -> MutexGuard<'_, Exchanges> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a request for the guest.
    fn submit(&self, request: exchange::Request) -> Result<u64, Refusal> {
        let (id, guest) = self.exchanges().submit(request)?;
        if let Some(guest) = guest {
            guest.wake();
        }
        Ok(id)
    }

    /// No answer to this request is waited for any more.
    fn forget(&self, id: u64) {
        let guest = self.exchanges().forget(id);
        if let Some(guest) = guest {
            guest.wake();
        }
    }

    /// The stream that answered this request has ended before the guest ended it.
    fn stream_lost(&self, id: u64) {
        let guest = self.exchanges().stream_lost(id);
        if let Some(guest) = guest {
            guest.wake();
        }
    }

    /// The handler of this request has had its time.
    fn expire(&self, id: u64, link: &Link) {
        self.forget(id);
        link.answer(Answer::Late);
    }

    /// Reports a failure and gives the 500 for its client.
    fn failed(&self, route: &[u8], report: &[u8]) -> Response<ReplyBody> {
        let id = self.settings.report.failure(route, report);
        response::failure(&id, self.settings.dev.then_some(report))
    }

    /// Every connection is closed.
    fn stopped(&self) {
        let guest = self.exchanges().stopped();
        if let Some(guest) = guest {
            guest.wake();
        }
    }
}

/// hyper's settings.
fn protocol(limits: &Limits) -> http1::Builder {
    /// The least hyper takes.
    const MIN_BUFFER: usize = 8 * 1024;
    /// hyper's default, kept on the stack; any other number costs an allocation a request.
    const USUAL_LINES: usize = 100;
    /// The library's map of fields panics some way beyond.
    const MAX_LINES: usize = 4096;

    let mut http = http1::Builder::new();
    // `connection` keeps the time limits. No `pipeline_flush`: it loses the last response when unread
    // input remains at close.
    http.header_read_timeout(None)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(limits.max_header_bytes.max(MIN_BUFFER));
    if limits.max_header_lines != USUAL_LINES {
        http.max_headers(limits.max_header_lines.min(MAX_LINES));
    }
    http
}
