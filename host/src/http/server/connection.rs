//! The life of one connection: hyper's protocol, the time limits, and a polite end.
//!
//! hyper has one timer, which runs from the end of a request as well as from the beginning of the next
//! one and cannot tell the two apart; it is off, and the limits are kept here. One timer serves all of
//! them: it is set to the earliest deadline seen and, when it fires early, set anew, so that a request
//! that is answered in time moves no timer at all.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Shared;
use super::access_log::Line;
use super::connections::Mode;
use super::guarded::Guarded;
use super::link::{Answer, Link};
use super::progress::Expiry;
use super::{service, websocket};

/// How long a peer may go on sending what nobody reads before its connection is closed. Closing with
/// unread input resets the connection, and the reset can overtake the answer that is on its way.
const LINGER: Duration = Duration::from_secs(2);

/// How much of it is read and thrown away.
const LINGER_BYTES: u64 = 16 * 1024 * 1024;

/// How a connection ended.
enum End {
    /// By the protocol; an error is hyper's reason.
    Closed(hyper::Result<()>),
    /// Nothing was happening any more.
    Silent,
    /// In the middle of something.
    Cut,
}

/// A connection among those of its server, until dropped.
pub(super) struct Member {
    shared: Arc<Shared>,
    id: u64,
}

impl Member {
    /// Counts a connection that has been accepted.
    pub(super) fn join(shared: &Arc<Shared>) -> Self {
        Self { id: shared.connections.join(), shared: Arc::clone(shared) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.connections.leave(self.id);
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, member: Member) {
    let shared = &member.shared;
    // A response is written whole; waiting for more would only delay it. Fails only on a dead socket.
    let _ = stream.set_nodelay(true);
    let link = Arc::new(Link::new(peer));
    let io = TokioIo::new(Guarded::new(stream, Arc::clone(link.progress())));
    let handler = {
        let (shared, link) = (Arc::clone(shared), Arc::clone(&link));
        service_fn(move |request| service::answer(Arc::clone(&shared), Arc::clone(&link), request))
    };
    let mut connection = shared.http.serve_connection(io, handler);
    let mut timer = Timer::default();
    let mut known = false;
    let mut told = false;

    let end = poll_fn(|context| {
        if !known {
            known = true;
            shared.connections.wake_by(member.id, context.waker());
        }
        loop {
            match shared.connections.mode() {
                Mode::Running => {}
                Mode::Cut => return Poll::Ready(End::Cut),
                Mode::Stopping | Mode::Abandoned if told => {}
                Mode::Stopping | Mode::Abandoned => {
                    told = true;
                    Pin::new(&mut connection).graceful_shutdown();
                }
            }
            if let Poll::Ready(outcome) = Pin::new(&mut connection).poll(context) {
                return Poll::Ready(End::Closed(outcome));
            }
            let Some((at, expiry)) = link.progress().deadline(&shared.settings.limits) else {
                return Poll::Pending;
            };
            if !timer.has_passed(at, context) {
                return Poll::Pending;
            }
            match expiry {
                Expiry::Silence => return Poll::Ready(End::Silent),
                Expiry::Write => return Poll::Ready(End::Cut),
                Expiry::Body => link.progress().expire_body(),
                Expiry::Handler(id) => shared.expire(id, &link),
                Expiry::Look => link.progress().ask_to_look(),
            }
        }
    })
    .await;

    // Ends the service, which tells the guest if a handler is still at work.
    let parts = connection.into_parts();
    // An answer may have come too late to be sent. It is dropped here, with no lock held: a stream in it
    // tells the guest that nobody reads it, and it would keep this link alive.
    let unsent = link.take_answer();
    if let Some(Answer::Upgrade(_, upgraded)) = &unsent {
        shared.stream_lost(upgraded.id);
    }
    drop(unsent);
    let (mut stream, ended) = parts.io.into_inner().into_parts();
    if let Some(upgraded) = link.take_upgraded() {
        if matches!(end, End::Closed(Ok(()))) {
            drop(link);
            // In a box of its own: what a WebSocket needs would enlarge every connection.
            return Box::pin(websocket::run(shared, upgraded, stream, parts.read_buf)).await;
        }
        shared.stream_lost(upgraded.id);
    }
    match end {
        // Only a reset tells a client that reads until the end of the connection that it has not all.
        End::Closed(Err(_)) if link.progress().ends_with_connection() => {
            let _ = stream.set_zero_linger();
        }
        End::Closed(outcome) => {
            let refused = outcome.err().filter(hyper::Error::is_parse);
            if let Some(error) = &refused {
                log_refused(shared, &link, error);
            }
            if (refused.is_some() || link.progress().unread()) && !ended {
                // In a box of its own: its buffer would enlarge every connection.
                Box::pin(linger(&mut stream, shared)).await;
            }
        }
        End::Silent => {}
        // The kernel would keep what is unsent for minutes, for a peer that takes nothing.
        End::Cut => {
            let _ = stream.set_zero_linger();
        }
    }
}

/// hyper has answered by itself: the bytes were no request.
fn log_refused(shared: &Shared, link: &Link, error: &hyper::Error) {
    let log = &shared.settings.access_log;
    if log.is_on() {
        let status = if error.is_parse_too_large() { 431 } else { 400 };
        let (method, path, version) = ("-", "-", "-");
        let (bytes, took) = (0, Duration::ZERO);
        log.write(&Line { peer: link.peer(), method, path, version, status, bytes, took });
    }
}

/// Reads on until the peer has seen the answer and closes, within bounds.
async fn linger(stream: &mut TcpStream, shared: &Shared) {
    let drain = async {
        let mut buffer = [0; 8 * 1024];
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            left = left.saturating_sub(read as u64);
            if left == 0 {
                break;
            }
        }
    };
    let mut drain = std::pin::pin!(timeout(LINGER, drain));
    poll_fn(|context| {
        if shared.connections.mode() == Mode::Cut {
            return Poll::Ready(());
        }
        drain.as_mut().poll(context).map(|_| ())
    })
    .await;
}

/// The one timer of a connection.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    /// Whether `at` has passed; if not, the task is woken then or earlier.
    fn has_passed(&mut self, at: Instant, context: &mut Context<'_>) -> bool {
        let sleep = match &mut self.sleep {
            // It was polled when it was set, by the same task; so it wakes us, if too early.
            Some(sleep) if sleep.deadline() <= at && !sleep.is_elapsed() => return false,
            Some(sleep) => {
                if sleep.deadline() != at {
                    sleep.as_mut().reset(at);
                }
                sleep
            }
            none => none.insert(Box::pin(sleep_until(at))),
        };
        sleep.as_mut().poll(context).is_ready()
    }
}
