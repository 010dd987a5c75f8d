//! The client: from a script's URL to an open connection.

mod handshake;
mod record;
mod request;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use self::record::Record;
pub use self::request::Request;
use self::request::Upgrade;
use super::{Permit, Role, Settings, Slots, Socket, pair};
use crate::budget::Budget;
use crate::door::network::{CheckedUrl, Network};
use crate::failure::{self, Failure, Kind};
use crate::grants::net::Scheme;
use crate::http::client::cause::shorten;
use crate::http::client::fields::Bounds;
use crate::limits::Limits;
use crate::tls::{SystemRoots, Trust};

/// The capability's name in the audit log.
const CAPABILITY: &str = "websocket";

/// Longest wait for a connection, whatever the script asks for.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Why there is no connection.
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

/// Opens connections for one script. Clones are the same client.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    network: Arc<Network>,
    roots: SystemRoots,
    /// What a connection without certificates of its own trusts.
    trust: Trust,
    bounds: Bounds,
    settings: Settings,
    slots: Slots,
    budget: Arc<Budget>,
}

impl Client {
    /// A client that connects through `network`, trusts `roots`, and takes its places and bytes from those
    /// of the worker.
    pub fn new(
        network: Arc<Network>,
        limits: &Limits,
        roots: SystemRoots,
        slots: Slots,
        budget: Arc<Budget>,
    ) -> Self {
        let shared = Shared {
            network,
            trust: Trust::system(roots.clone()),
            roots,
            bounds: Bounds::of(limits),
            settings: Settings::new(limits),
            slots,
            budget,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Connects. Dropping the future gives up.
    ///
    /// # Errors
    /// As `websocket.connection.connect` in `wit/`.
    pub async fn connect(self, request: Request) -> Result<Socket, Refusal> {
        let Shared { network, slots, bounds, .. } = &*self.shared;
        let deadline = Instant::now() + request.timeout.min(MAX_TIMEOUT);
        let url = request::parse_url(&request.url)?;
        let upgrade = Upgrade::parse(&request, *bounds)?;
        let url = network.check_url(CAPABILITY, url)?;
        let permit = slots.try_take().ok_or_else(|| {
            let max = slots.max();
            let message = format!("{max} WebSocket connections are open already, which is the limit (raise --max-websockets)");
            Failure::new(Kind::Limit, message)
        })?;
        let mut record = Record::start(Arc::clone(network), &url);
        let connecting = self.open(&url, &upgrade, request.ca_certificates.as_deref(), deadline);
        let result = match timeout_at(deadline, connecting).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("connecting to {} took too long", url.destination());
                Err(Failure::new(Kind::Timeout, message).into())
            }
        };
        match result {
            Ok(opened) => Ok(self.start(opened, permit, record)),
            Err(refusal) => {
                record.failed(&refusal.failure);
                Err(refusal)
            }
        }
    }

    async fn open(
        &self,
        url: &CheckedUrl,
        upgrade: &Upgrade,
        certificates: Option<&[u8]>,
        deadline: Instant,
    ) -> Result<Opened, Refusal> {
        let Shared { network, bounds, .. } = &*self.shared;
        // Before the network is touched, so that certificates that cannot be used are told first.
        let own = certificates.map(|pem| Trust::new(self.shared.roots.clone(), Some(pem)));
        let own = own.transpose()?;
        let peer_name = url.destination().to_string();
        let stream = network.connect(url, deadline).await?;
        let peer = stream.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
        let mut stream = match url.destination().scheme() {
            Scheme::Ws | Scheme::Http => Stream::Plain(stream),
            Scheme::Wss | Scheme::Https => {
                let trust = own.as_ref().unwrap_or(&self.shared.trust);
                Stream::Tls(Box::new(encrypt(stream, url, trust).await?))
            }
        };
        let answer = match &mut stream {
            Stream::Plain(stream) => handshake::run(stream, url, upgrade, *bounds).await,
            Stream::Tls(stream) => handshake::run(stream, url, upgrade, *bounds).await,
        };
        let answer = answer.map_err(|error| error.with_peer(&peer_name))?;
        Ok(Opened { stream, peer, protocol: answer.protocol, read_ahead: answer.read_ahead })
    }

    /// Starts the task that runs the connection.
    fn start(&self, opened: Opened, permit: Permit, record: Record) -> Socket {
        let Opened { stream, peer, protocol, read_ahead } = opened;
        let (connection, pending) =
            pair(self.shared.settings, Arc::clone(&self.shared.budget), permit);
        match stream {
            Stream::Plain(stream) => spawn(pending, stream, read_ahead, record),
            Stream::Tls(stream) => spawn(pending, *stream, read_ahead, record),
        }
        Socket::new(connection, peer, protocol)
    }
}

/// A connection whose handshake is done.
struct Opened {
    stream: Stream,
    peer: String,
    protocol: Option<String>,
    read_ahead: Bytes,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

fn spawn<S>(pending: super::Pending, stream: S, read_ahead: Bytes, record: Record)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let driver = pending.drive(stream, read_ahead, Role::Client);
    tokio::spawn(record.over(driver));
}

async fn encrypt(
    stream: TcpStream,
    url: &CheckedUrl,
    trust: &Trust,
) -> Result<TlsStream<TcpStream>, Failure> {
    let peer = url.destination();
    let failed = |why: &str| Failure::new(Kind::Tls, format!("TLS with {peer} failed: {why}"));
    let name = match url.url().host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
        Some(Host::Ipv4(address)) => Some(ServerName::from(std::net::IpAddr::V4(address))),
        Some(Host::Ipv6(address)) => Some(ServerName::from(std::net::IpAddr::V6(address))),
        None => None,
    };
    let name = name.ok_or_else(|| failed("the name cannot stand in a certificate"))?;
    let mut config = trust.config().await?;
    // There is no WebSocket over HTTP/2 here.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => failed("the server closed the connection"),
            _ => failed(&shorten(&failure::cause(&error))),
        }
    })
}
