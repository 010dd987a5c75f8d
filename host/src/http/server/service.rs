//! Answers one request: takes in its body, hands it to the guest, waits for the answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use super::access_log::Line;
use super::exchange::{self, Refusal};
use super::link::{Answer, Link};
use super::request::{self, Refused};
use super::{Shared, body, response};

/// The status in the access log of a request whose client went away before the answer. Nobody receives
/// it; other servers write the same number.
const CLIENT_GONE: u16 = 499;

/// Answers `request` of the connection `link`.
pub(super) async fn answer(
    shared: Arc<Shared>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let mut logged = Logged {
        shared: &shared,
        link: &link,
        parts: &parts,
        started,
        status: CLIENT_GONE,
        bytes: 0,
    };
    let outcome = exchange(&shared, &link, &parts, body, started).await;
    let unread = outcome.is_err();
    let response = outcome.unwrap_or_else(|Refused(status, text)| {
        response::plain(status, Bytes::from_static(text.as_bytes()), true)
    });
    link.answered(Instant::now(), unread);
    logged.status = response.status().as_u16();
    if parts.method != Method::HEAD {
        logged.bytes = response.body().size_hint().exact().unwrap_or(0);
    }
    drop(logged);
    Ok(response)
}

/// Refused if the request may not have been read to its end.
async fn exchange(
    shared: &Arc<Shared>,
    link: &Arc<Link>,
    parts: &Parts,
    body: Incoming,
    started: Instant,
) -> Result<Response<Full<Bytes>>, Refused> {
    request::check(parts)?;
    let (body, share, complete) = if body.is_end_stream() {
        (Bytes::new(), None, started)
    } else {
        let max = shared.settings.limits.max_body;
        let (body, share) = body::collect(body, max, &shared.load, link).await?;
        (body, Some(share), Instant::now())
    };
    let head = request::head(parts, link.peer());
    let request = exchange::Request { link: Arc::clone(link), head, body, share };
    let mut ticket = match shared.submit(request) {
        Ok(id) => Ticket { shared, id, answered: false },
        Err(Refusal::Full) => return Ok(busy(false)),
        Err(Refusal::Abandoned) => return Ok(busy(true)),
    };
    link.handling(ticket.id, complete);
    let answer = poll_fn(|context| link.poll_answer(context)).await;
    ticket.answered = true;
    Ok(match answer {
        Answer::Reply(response) => response,
        Answer::Late => {
            response::plain(StatusCode::GATEWAY_TIMEOUT, "the handler took too long\n", false)
        }
        Answer::Abandoned => busy(true),
    })
}

fn busy(close: bool) -> Response<Full<Bytes>> {
    response::plain(StatusCode::SERVICE_UNAVAILABLE, "the server is too busy\n", close)
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

/// A line of the access log, written when the request ends, in whatever way.
struct Logged<'a> {
    shared: &'a Shared,
    link: &'a Link,
    parts: &'a Parts,
    started: Instant,
    status: u16,
    bytes: u64,
}

impl Drop for Logged<'_> {
    fn drop(&mut self) {
        let log = &self.shared.settings.access_log;
        if log.is_on() {
            log.write(&Line {
                peer: self.link.peer(),
                method: self.parts.method.as_str(),
                path: self.parts.uri.path(),
                version: request::version(self.parts.version),
                status: self.status,
                bytes: self.bytes,
                took: self.started.elapsed(),
            });
        }
    }
}
