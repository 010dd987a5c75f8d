//! The client against real servers on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod bounds;
mod faults;
mod hops;
mod server;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;
use crate::audit::Audit;
use crate::door::lookup::{Answer, Resolver};
use crate::grants::net::NetGrants;
use server::{Reply, Server, ok, to};

/// Every name is loopback.
struct Loopback;

impl Resolver for Loopback {
    fn look_up(&self, _: &str, port: u16) -> Answer {
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }
}

fn transport(rules: &[String], limits: &Limits) -> Arc<Transport> {
    let mut grants = NetGrants::default();
    rules.iter().for_each(|rule| grants.allow(rule).unwrap());
    let network = Network::with_resolver(Arc::new(grants), Audit::default(), Arc::new(Loopback));
    Arc::new(Transport::new(Arc::new(network), limits, SystemRoots::default()))
}

fn client_with(rules: &[String], limits: &Limits) -> Client {
    Client::open(transport(rules, limits), None).unwrap()
}

fn client(rules: &[String]) -> Client {
    client_with(rules, &Limits::default())
}

/// A client that may reach loopback at any port by address and by any name.
fn open_client() -> Client {
    client(&["127.0.0.0/8:*".to_owned(), "*.test:*".to_owned()])
}

fn get(url: impl Into<String>) -> Request {
    Request {
        method: b"GET".to_vec(),
        url: url.into().into_bytes(),
        headers: Vec::new(),
        body: None,
        taking: Taking::Whole,
        timeout: Duration::from_secs(10),
        connect_timeout: None,
        follow_redirects: true,
        max_size: None,
        identity: false,
    }
}

async fn all(response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = response.body;
    if let Some(rest) = response.rest {
        loop {
            let piece = rest.clone().read().await?;
            assert!(piece.len() <= MAX_CROSSING);
            if piece.is_empty() {
                break;
            }
            body.extend(piece);
        }
    }
    Ok(body)
}

/// The whole exchange: status and body.
async fn exchange(client: &Client, request: Request) -> Result<(u16, String), Failure> {
    let response = client.clone().send(request).await?;
    let status = response.status;
    Ok((status, String::from_utf8_lossy(&all(response).await?).into_owned()))
}

async fn failure(client: &Client, request: Request) -> Failure {
    let failure = exchange(client, request).await.unwrap_err();
    assert!(
        !failure.message.contains("secret") && !failure.message.contains('\n'),
        "{}",
        failure.message
    );
    failure
}

/// Answers look-ups with prepared addresses, one after the other; then never.
struct Prepared(Mutex<Vec<[u8; 4]>>);

impl Resolver for Prepared {
    fn look_up(&self, _: &str, port: u16) -> Answer {
        let next = self.0.lock().unwrap().pop();
        Box::pin(async move {
            match next {
                Some(address) => Ok(vec![SocketAddr::from((address, port))]),
                None => std::future::pending().await,
            }
        })
    }
}

fn client_that_resolves(to: &[[u8; 4]], rules: &[&str], audit: Audit) -> Client {
    let mut grants = NetGrants::default();
    rules.iter().for_each(|rule| grants.allow(rule).unwrap());
    let resolver = Prepared(Mutex::new(to.iter().rev().copied().collect()));
    let network = Network::with_resolver(Arc::new(grants), audit, Arc::new(resolver));
    let transport = Transport::new(Arc::new(network), &Limits::default(), SystemRoots::default());
    Client::open(Arc::new(transport), None).unwrap()
}

#[tokio::test]
async fn a_small_response_comes_in_one_piece() {
    let server = Server::start(|request| match request.contains("/chunked") {
        true => Reply::Keep("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned()),
        false => Reply::Keep("HTTP/1.1 404 X\r\nX-A: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 5\r\n\r\nhello".to_owned()),
    })
    .await;
    let client = open_client();
    let response = client.clone().send(get(server.url("/plain?q=1#fragment"))).await.unwrap();
    assert_eq!((response.status, response.version), (404, "1.1"));
    assert_eq!(response.url, server.url("/plain?q=1"));
    assert_eq!(response.headers, b"x-a\x001\0set-cookie\0a\0set-cookie\0b\0content-length\x005\0");
    assert_eq!(response.body, b"hello");
    assert!(response.rest.is_none());
    let chunked = client.send(get(server.url("/chunked"))).await.unwrap();
    assert_eq!(chunked.body, b"hello");
    assert!(chunked.rest.is_none());
    assert_eq!(server.connections.load(Ordering::Relaxed), 1, "the connection is kept");
}

#[tokio::test]
async fn method_fields_and_body_arrive_as_given() {
    let server = Server::start(|_| ok("")).await;
    let request = Request {
        method: b"PATCH".to_vec(),
        headers: b"X-A\0one\0X-A\0two\0User-Agent\0mine\0".to_vec(),
        body: Some(b"bytes".to_vec()),
        ..get(server.url("/p?q"))
    };
    exchange(&open_client(), request).await.unwrap();
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("PATCH /p?q HTTP/1.1\r\n"), "{seen}");
    for line in [
        "x-a: one\r\n",
        "x-a: two\r\n",
        "user-agent: mine\r\n",
        "content-length: 5\r\n",
        &format!("host: {}\r\n", server.address),
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert!(seen.ends_with("\r\n\r\nbytes"), "{seen}");
}

#[tokio::test]
async fn clients_do_not_share_connections() {
    let server = Server::start(|_| ok("")).await;
    let transport = transport(&["127.0.0.1:*".to_owned()], &Limits::default());
    for _ in 0..3 {
        let client = Client::open(Arc::clone(&transport), None).unwrap();
        for _ in 0..3 {
            exchange(&client, get(server.url("/"))).await.unwrap();
        }
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_large_body_is_pulled_in_bounded_pieces() {
    let body = "0123456789abcdef".repeat(64 * 1024);
    let sent = body.clone();
    let server = Server::start(move |_| ok(&sent)).await;
    let response = open_client().send(get(server.url("/"))).await.unwrap();
    assert!(response.rest.is_some());
    assert!(response.body.len() + response.headers.len() + response.url.len() <= MAX_CROSSING);
    let received = all(response).await.unwrap();
    assert!(received == body.as_bytes());
}

#[tokio::test]
async fn content_codings_are_decoded_and_their_fields_removed() {
    let gzip = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0,
        0,
    ];
    let server = Server::start(move |request| {
        let (coding, body): (_, &[u8]) = match request.split(' ').nth(1).unwrap() {
            "/gzip" => ("gzip", &gzip),
            "/br" => ("br", b"\x0b\x02\x80hello\x03"),
            "/zstd" => ("zstd", b"\x28\xb5\x2f\xfd\x00\x58\x29\x00\x00hello"),
            _ => ("identity", b"hello"),
        };
        let mut reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        if !request.starts_with("HEAD") {
            reply.extend_from_slice(body);
        }
        Reply::Close(reply)
    })
    .await;
    let client = open_client();
    for path in ["/gzip", "/br", "/zstd", "/identity"] {
        let response = client.clone().send(get(server.url(path))).await.unwrap();
        let headers = String::from_utf8(response.headers.clone()).unwrap();
        assert_eq!(headers.contains("content-encoding"), path == "/identity");
        assert_eq!(all(response).await.unwrap(), b"hello", "{path}");
        let head = Request { method: b"HEAD".to_vec(), ..get(server.url(path)) };
        assert_eq!(exchange(&client, head).await.unwrap(), (200, String::new()), "{path}");
    }
    assert!(server.seen()[0].contains("accept-encoding: "));
}

#[tokio::test]
async fn the_audit_log_has_decisions_and_the_exchange_without_secrets() {
    let server = Server::start(|_| ok("four")).await;
    let path = std::env::temp_dir().join(format!(
        "tidelock-audit-{}-{}",
        std::process::id(),
        server.port()
    ));
    let audit = Audit::to_file(std::fs::File::create(&path).unwrap());
    let client = client_that_resolves(&[[127, 0, 0, 1]], &["a.test:*", "127.0.0.1:*"], audit);
    let request = Request {
        headers: b"X-Key\0secret\0".to_vec(),
        ..get(format!("http://a.test:{}/?secret", server.port()))
    };
    exchange(&client, request).await.unwrap();
    failure(&client, get("http://b.test/?secret")).await;
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!log.contains("secret"));
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let origin = format!("http://a.test:{}", server.port());
    let shown: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{} {} {} {} {} {}",
                line["operation"],
                line["target"],
                line["allowed"],
                line["rule"],
                line["outcome"],
                line["bytes"]
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            format!("\"check\" \"{origin}\" true \"a.test:*\" null null"),
            format!("\"connect\" \"{origin} at 127.0.0.1\" true \"127.0.0.1:*\" null null"),
            format!("\"exchange\" \"{origin}\" null null \"200\" 4"),
            "\"check\" \"http://b.test:80\" false null null null".to_owned(),
        ]
    );
}
