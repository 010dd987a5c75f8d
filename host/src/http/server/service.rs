//! Answers one request: takes in its body, hands it to the guest, waits for the answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::time::Instant;

use super::exchange::{self, Refusal};
use super::link::{Answer, Link};
use super::log_entry::LogEntry;
use super::reply_body::ReplyBody;
use super::request::{self, Refused};
use super::upgrade::Handshake;
use super::{Shared, body, response};

/// Answers `request` of the connection `link`.
pub(super) async fn answer(
    shared: Arc<Shared>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Result<Response<ReplyBody>, Infallible> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let mut entry = LogEntry::begin(&shared.settings.access_log, link.peer(), &parts, started);
    let outcome = exchange(&shared, &link, &parts, body, started).await;
    let unread = outcome.is_err();
    let mut response = outcome.unwrap_or_else(refuse);
    if response.body().is_streamed() {
        link.progress().streams(parts.version);
    } else {
        link.progress().answered(Instant::now(), unread);
    }
    if let Some(mut entry) = entry.take() {
        entry.answered(response.status().as_u16());
        response.body_mut().log(entry);
    }
    Ok(response)
}

/// Refused if the request may not have been read to its end.
async fn exchange(
    shared: &Arc<Shared>,
    link: &Arc<Link>,
    parts: &Parts,
    body: Incoming,
    started: Instant,
) -> Result<Response<ReplyBody>, Refused> {
    request::check(parts)?;
    let mut request = exchange::Request {
        link: Arc::clone(link),
        head: Vec::new(),
        body: Bytes::new(),
        share: None,
        coming: None,
        handshake: Handshake::of(parts),
    };
    let mut complete = started;
    if body.is_end_stream() {
        // There is none.
    } else if shared.bodies_come {
        request.coming = Some(body);
    } else {
        let max = shared.settings.limits.max_body;
        let (whole, share) = body::collect(body, max, &shared.load, link.progress()).await?;
        (request.body, request.share) = (whole, Some(share));
        complete = Instant::now();
    }
    request.head = request::head(parts, link.peer());
    let coming = request.coming.is_some();
    let mut ticket = match shared.submit(request) {
        Ok(id) => Ticket { shared, id, answered: false },
        Err(Refusal::Full) => return Ok(response::busy(coming)),
        Err(Refusal::Abandoned) => return Ok(response::busy(true)),
    };
    link.progress().handling(ticket.id, complete);
    let answer = poll_fn(|context| link.poll_answer(context)).await;
    ticket.answered = true;
    if coming {
        link.progress().leaves_unread();
    }
    match answer {
        Answer::Reply(response) => Ok(response),
        Answer::Upgrade(response, upgraded) => {
            link.upgrade(upgraded);
            Ok(response)
        }
        Answer::Refused(refused) => Err(refused),
        Answer::Late => {
            Ok(response::plain(StatusCode::GATEWAY_TIMEOUT, "the handler took too long\n", coming))
        }
        Answer::Abandoned => Ok(response::busy(true)),
    }
}

fn refuse(Refused(status, text): Refused) -> Response<ReplyBody> {
    response::plain(status, Bytes::from_static(text.as_bytes()), true)
}

/// A request that is with the guest. hyper drops it unanswered when the client goes away.
struct Ticket<'a> {
    shared: &'a Shared,
    id: u64,
    answered: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shared.forget(self.id);
        }
    }
}
