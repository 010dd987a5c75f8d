//! Small servers on a free port of loopback that answer what a test says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What follows a prepared answer.
pub enum Reply {
    /// The next request of the connection.
    Keep(String),
    /// The end of the connection.
    Close(Vec<u8>),
    /// Nothing, with the connection open.
    Hang(Vec<u8>),
}

/// An answer of 200 with this body.
pub fn ok(body: &str) -> Reply {
    Reply::Keep(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// A redirect.
pub fn to(status: u16, location: &str) -> Reply {
    Reply::Keep(format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

/// A running server and what it saw.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<String>>>,
    pub connections: Arc<AtomicUsize>,
    /// Connections that the client closed while the server kept them open.
    pub abandoned: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request, head and body as text, with what `answer` returns.
    pub async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
            abandoned: Arc::default(),
        };
        let seen = server.clone();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(converse(stream, seen.clone(), answer.clone()));
            }
        });
        server
    }

    /// `http://127.0.0.1:port` and `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn converse<S>(mut stream: S, server: Server, answer: Arc<impl Fn(&str) -> Reply>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(request) = receive(&mut stream).await {
        server.requests.lock().unwrap().push(request.clone());
        match answer(&request) {
            Reply::Keep(text) => stream.write_all(text.as_bytes()).await.unwrap_or(()),
            Reply::Close(bytes) => {
                stream.write_all(&bytes).await.unwrap_or(());
                return stream.shutdown().await.unwrap_or(());
            }
            Reply::Hang(bytes) => {
                stream.write_all(&bytes).await.unwrap_or(());
                let mut rest = [0; 64];
                while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                server.abandoned.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// A TLS server for `localhost` and 127.0.0.1, with HTTP/2 or HTTP/1.1 as negotiated.
pub mod tls {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::server::conn::{http1, http2};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::crypto::ring::default_provider;
    use rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// Starts the server; it answers each request with its path. Returns its address and the PEM of
    /// its certificate.
    pub async fn start(protocols: &[&str]) -> (SocketAddr, String) {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let service =
                        service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                            let path = Bytes::from(request.uri().path().to_owned());
                            Ok::<_, Infallible>(hyper::Response::new(Full::new(path)))
                        });
                    let io = TokioIo::new(stream);
                    let _ended = match is_h2 {
                        true => {
                            http2::Builder::new(TokioExecutor::new())
                                .serve_connection(io, service)
                                .await
                        }
                        false => http1::Builder::new().serve_connection(io, service).await,
                    };
                });
            }
        });
        (address, cert.pem())
    }
}
