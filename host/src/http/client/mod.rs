//! The HTTP client: one exchange from the script's request to the last byte of the response.
//!
//! Every hop of a redirect chain passes the network door anew, and so does every new connection.
//! Framing, TLS and content codings are the HTTP library's; what may be asked of whom, how much and
//! how long is decided here.

mod body;
pub(crate) mod cause;
pub(crate) mod fields;
mod pools;
mod record;
mod redirect;
mod request;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderValue};
use reqwest::{Method, StatusCode, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use url::Url;

pub use self::body::Body;
use self::body::{Deadline, Exchange, Patience, SizeLimit};
use self::cause::Stage;
use self::fields::Bounds;
use self::pools::{Key, Pool, Pools};
pub use self::record::CAPABILITY;
use self::record::Record;
use self::request::{Bodies, Message};
pub use self::request::{Request, Taking};
use crate::door::network::{CheckedUrl, Network};
use crate::failure::{Failure, Kind};
use crate::grants::net::Scheme;
use crate::limits::{Limits, MAX_CROSSING, MAX_REDIRECTS};
use crate::tls::{self, SystemRoots, Trust};

/// What all clients of one script share: the door, the limits and the bound on connections.
pub struct Transport {
    network: Arc<Network>,
    roots: SystemRoots,
    bounds: Bounds,
    max_response: Option<u64>,
    max_outgoing: usize,
    permits: Arc<Semaphore>,
    bodies: Bodies,
    pools: Pools,
    clients: AtomicU64,
}

impl Transport {
    /// The transport of one script.
    pub fn new(network: Arc<Network>, limits: &Limits, roots: SystemRoots) -> Self {
        let max_outgoing = limits.max_outgoing.min(Semaphore::MAX_PERMITS);
        Self {
            network,
            roots,
            bounds: Bounds::of(limits),
            max_response: limits.max_response,
            max_outgoing,
            permits: Arc::new(Semaphore::new(max_outgoing)),
            bodies: Bodies::default(),
            pools: Pools::default(),
            clients: AtomicU64::new(0),
        }
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            let message = format!(
                "{} exchanges are open already, which is the limit (--max-outgoing)",
                self.max_outgoing
            );
            Failure::new(Kind::Limit, message)
        })
    }
}

/// Connections kept for further requests, and the trust they are made with. Clones are the same client.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Arc<Transport>,
    number: u64,
    trust: Trust,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.transport.pools.forget(self.number);
    }
}

/// The final response: its head and the beginning of its body, together at most [`MAX_CROSSING`] bytes.
pub struct Response {
    /// As sent, 200 and up.
    pub status: u16,
    /// `1.0`, `1.1` or `2`.
    pub version: &'static str,
    /// The URL that answered, without fragment and userinfo.
    pub url: String,
    /// A header block.
    pub headers: Vec<u8>,
    /// Bytes of body the head announces; none if it does not, or if the body is decoded.
    pub length: Option<u64>,
    /// Whether the body is taken in pieces.
    pub in_pieces: bool,
    /// What of the decoded body was there with the head.
    pub body: Vec<u8>,
    /// The rest; none if `body` is all.
    pub rest: Option<Body>,
}

impl Client {
    /// A client that trusts the system's roots and the certificates of `pem`.
    ///
    /// # Errors
    /// - `invalid`: `pem` holds no certificate, or one that cannot be used.
    pub fn open(transport: Arc<Transport>, pem: Option<&[u8]>) -> Result<Self, Failure> {
        let trust = Trust::new(transport.roots.clone(), pem)?;
        let number = transport.clients.fetch_add(1, Ordering::Relaxed);
        Ok(Self { shared: Arc::new(Shared { transport, number, trust }) })
    }

    /// Sends a request and waits for the head of the final response. Dropping the future closes the
    /// exchange.
    ///
    /// # Errors
    /// As `http-client.client.send` in `wit/`, and `too-large` for a header section or an announced
    /// body above the limits.
    pub async fn send(self, request: Request) -> Result<Response, Failure> {
        let transport = &self.shared.transport;
        let deadline = Deadline::after(request.timeout);
        let message = Message::parse(
            &request.method,
            &request.headers,
            request.body,
            transport.bounds,
            &transport.bodies,
        )?;
        let url = std::str::from_utf8(&request.url).map_err(|_| {
            Failure::new(Kind::Invalid, "the URL cannot be used: it is not valid UTF-8")
        })?;
        // Before the door: a grant would not help, so no denial must ask for one.
        only_http(url)?;
        let url = transport.network.check(CAPABILITY, url)?;
        let permit = transport.permit()?;
        let mut call = Call {
            client: &self,
            deadline,
            timeout: request.timeout,
            taking: request.taking,
            identity: request.identity,
            connect_timeout: request.connect_timeout,
            record: Record::start(Arc::clone(&transport.network), &url),
            message,
            url,
        };
        let size = SizeLimit { asked: request.max_size, operator: transport.max_response };
        match call.run(request.follow_redirects, size).await {
            Ok(answer) => Ok(call.finish(answer, permit).await),
            Err(failure) => {
                call.record.failed(&failure);
                Err(failure)
            }
        }
    }

    /// The pool for `url`, made if there is none.
    async fn pool(
        &self,
        url: &CheckedUrl,
        connect_timeout: Option<Duration>,
    ) -> Result<Pool, Failure> {
        let Shared { transport, number, trust } = &*self.shared;
        let key = Key { client: *number, origin: url.url().origin(), connect_timeout };
        if let Some(pool) = transport.pools.find(&key) {
            return Ok(pool);
        }
        let tls = match url.destination().scheme() {
            Scheme::Https | Scheme::Wss => trust.config().await?,
            Scheme::Http | Scheme::Ws => tls::nobody()?,
        };
        // Another request may have made one during the wait; both of them would do.
        if let Some(pool) = transport.pools.find(&key) {
            return Ok(pool);
        }
        let pool = pools::build(&transport.network, url, connect_timeout, tls, transport.bounds)?;
        transport.pools.keep(key, pool.clone());
        Ok(pool)
    }
}

/// One call of [`Client::send`] on its way through the redirects.
struct Call<'a> {
    client: &'a Client,
    deadline: Deadline,
    timeout: Duration,
    taking: Taking,
    identity: bool,
    connect_timeout: Option<Duration>,
    record: Record,
    message: Message,
    url: CheckedUrl,
}

/// The head of the final response, within its limits.
struct Answer {
    response: reqwest::Response,
    headers: Vec<u8>,
    in_pieces: bool,
    size: SizeLimit,
}

impl Call<'_> {
    async fn run(&mut self, follow: bool, size: SizeLimit) -> Result<Answer, Failure> {
        let transport = &self.client.shared.transport;
        let mut hops = 0;
        loop {
            self.record.sent = self.message.body.as_ref().map_or(0, |body| body.len() as u64);
            let response = match timeout_at(self.deadline.at, self.hop()).await {
                Ok(response) => response?,
                Err(_) => return Err(self.deadline.passed(&self.peer())),
            };
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                let message = format!("{} switched to another protocol unasked", self.peer());
                return Err(Failure::new(Kind::Protocol, message));
            }
            let from = self.url.url();
            let next = match follow {
                true => redirect::target(response.status(), response.headers(), from)?,
                false => None,
            };
            let Some(next) = next else {
                let headers = fields::block(response.headers(), transport.bounds)?;
                let in_pieces = self.taking.in_pieces(response.headers());
                let size = if in_pieces { SizeLimit { operator: None, ..size } } else { size };
                // No byte of a body that is known to be too large needs to travel.
                size.check(response.content_length().unwrap_or(0))?;
                self.record.answered(response.status().as_u16());
                return Ok(Answer { response, headers, in_pieces, size });
            };
            hops += 1;
            if hops > MAX_REDIRECTS {
                return Err(Failure::new(
                    Kind::Protocol,
                    format!("too many redirects, more than {MAX_REDIRECTS}"),
                ));
            }
            redirect::rewrite(&mut self.message, response.status(), from, &next);
            self.record.answered(response.status().as_u16());
            self.url = transport.network.check_url(CAPABILITY, next).map_err(|failure| {
                match failure.kind {
                    // To the script, a URL that it did not write is the server's mistake.
                    Kind::Invalid => redirect::refused(from, &failure.message),
                    _ => failure,
                }
            })?;
            self.record.redirected(&self.url);
        }
    }

    async fn hop(&self) -> Result<reqwest::Response, Failure> {
        // The HTTP library dials an address without asking the resolver, so the door is asked here;
        // for a literal this costs no look-up.
        if self.url.is_literal() {
            self.client.shared.transport.network.addresses(&self.url).await?;
        }
        let pool = self.client.pool(&self.url, self.connect_timeout).await?;
        // A server may close a kept connection at any moment; what may be repeated then is
        // (RFC 9110, section 9.2.2), once, and not where no connection can have been a kept one.
        let may_repeat = self.message.method.is_idempotent() && pool.may_be_stale();
        match self.attempt(&pool).await {
            Err(failure) if may_repeat && failure.kind == Kind::Closed => self.attempt(&pool).await,
            result => result,
        }
    }

    async fn attempt(&self, pool: &Pool) -> Result<reqwest::Response, Failure> {
        let mut request =
            reqwest::Request::new(self.message.method.clone(), self.url.url().clone());
        *request.headers_mut() = self.message.fields.clone();
        if self.identity {
            // The HTTP library asks for those it can decode if nothing is asked for. Said anew on
            // each hop, because another origin gets no fields of the script's.
            let identity = HeaderValue::from_static("identity");
            request.headers_mut().entry(ACCEPT_ENCODING).or_insert(identity);
        }
        *request.body_mut() = self.message.body.clone().map(reqwest::Body::from);
        let empty = self.message.body.as_ref().is_none_or(|body| body.is_empty());
        if empty && matches!(self.message.method, Method::POST | Method::PUT | Method::PATCH) {
            // These anticipate content, so its absence is said (RFC 9110, section 8.6).
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        pool.execute(request).await.map_err(|error| {
            cause::failure(&error, &self.peer(), Stage::Head, self.client.shared.transport.bounds)
        })
    }

    async fn finish(mut self, answer: Answer, permit: OwnedSemaphorePermit) -> Response {
        let Answer { response, headers, in_pieces, size } = answer;
        let (status, length) = (response.status(), response.content_length());
        let version = match response.version() {
            Version::HTTP_2 => "2",
            Version::HTTP_10 | Version::HTTP_09 => "1.0",
            _ => "1.1",
        };
        let mut url: Url = self.url.url().clone();
        url.set_fragment(None);
        // A body coding announced for a response that has no body would look like a broken one.
        let (body, rest) = if self.message.method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        {
            self.record.succeeded();
            (Vec::new(), None)
        } else {
            let room = MAX_CROSSING.saturating_sub(headers.len() + url.as_str().len());
            let exchange = Exchange {
                response,
                peer: self.peer(),
                patience: match in_pieces {
                    true => Patience::Piece(self.timeout),
                    false => Patience::Whole(self.deadline),
                },
                size,
                bounds: self.client.shared.transport.bounds,
                pending: Bytes::new(),
                record: self.record,
                _permit: permit,
            };
            exchange.start(room).await
        };
        let (status, url) = (status.as_u16(), url.into());
        Response { status, version, url, headers, length, in_pieces, body, rest }
    }

    fn peer(&self) -> String {
        self.url.destination().to_string()
    }
}

fn only_http(url: &str) -> Result<(), Failure> {
    match Url::parse(url) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => Err(Failure::new(
            Kind::Invalid,
            format!(
                "the URL cannot be used: its scheme must be http or https, not {}",
                url.scheme()
            ),
        )),
        // What is no URL at all is for the door to name.
        _ => Ok(()),
    }
}
