//! The client against real servers on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

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
        timeout: Duration::from_secs(10),
        connect_timeout: None,
        follow_redirects: true,
        max_size: None,
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
    assert!(!failure.message.contains("secret") && !failure.message.contains('\n'), "{}", failure.message);
    failure
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
    for line in ["x-a: one\r\n", "x-a: two\r\n", "user-agent: mine\r\n", "content-length: 5\r\n", &format!("host: {}\r\n", server.address)] {
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
async fn nothing_connects_without_a_grant() {
    let server = Server::start(|_| ok("")).await;
    let port = server.port();
    let url = format!("http://0x7f.1:{port}/?secret");
    let denied = failure(&client(&["public:*".to_owned()]), get(url)).await;
    assert_eq!(denied.message, format!("net access to 127.0.0.1:{port} is not granted (run with --allow-net=127.0.0.1:{port})"));
    let rebound = failure(&client(&["public:*".to_owned()]), get(format!("http://a.test:{port}/"))).await;
    assert_eq!(rebound.kind, Kind::Denied);
    assert!(rebound.message.contains("it resolves to 127.0.0.1, which is not public"), "{}", rebound.message);
    assert_eq!(server.connections.load(Ordering::Relaxed), 0);
    let granted = client(&["a.test:*".to_owned(), format!("127.0.0.1:{port}")]);
    assert_eq!(exchange(&granted, get(format!("http://a.test:{port}/"))).await.unwrap().0, 200);
}

#[tokio::test]
async fn redirects_are_followed_and_change_the_method() {
    let server = Server::start(|request| match request.split(' ').nth(1).unwrap() {
        "/302" => to(302, "/end"),
        "/307" => to(307, "/end"),
        _ => ok("end"),
    })
    .await;
    let client = open_client();
    for (path, line) in [("/302", "GET /end"), ("/307", "POST /end")] {
        let request = Request { method: b"POST".to_vec(), body: Some(b"body".to_vec()), ..get(server.url(path)) };
        let response = client.clone().send(request).await.unwrap();
        assert_eq!(response.url, server.url("/end"));
        assert_eq!(all(response).await.unwrap(), b"end");
        let last = server.seen().pop().unwrap();
        assert!(last.starts_with(line), "{last}");
        assert_eq!(last.ends_with("body"), path == "/307");
    }
    let kept = Request { follow_redirects: false, ..get(server.url("/302")) };
    assert_eq!(exchange(&client, kept).await.unwrap().0, 302);
}

#[tokio::test]
async fn each_hop_passes_the_door() {
    let inner = Server::start(|_| ok("internal")).await;
    let hidden = inner.url("/");
    let server = Server::start(move |request| match request.split(' ').nth(1).unwrap() {
        "/internal" => to(302, &hidden),
        "/metadata" => to(302, "http://169.254.169.254/secret"),
        "/file" => to(302, "file:///secret"),
        "/userinfo" => to(302, "http://u:secret@127.0.0.1/"),
        "/long" => to(302, &format!("/{}", "s".repeat(20_000))),
        _ => to(302, "/loop"),
    })
    .await;
    let client = client(&[format!("127.0.0.1:{}", server.port())]);
    for (path, kind, text) in [
        ("/internal", Kind::Denied, format!("net access to {} is not granted", inner.address)),
        ("/metadata", Kind::Denied, "net access to 169.254.169.254:80 is not granted".to_owned()),
        ("/file", Kind::Protocol, "the redirect sent by 127.0.0.1 is not followed".to_owned()),
        ("/userinfo", Kind::Protocol, "the redirect sent by 127.0.0.1 is not followed".to_owned()),
        ("/long", Kind::Protocol, "the redirect sent by 127.0.0.1 is not followed".to_owned()),
        ("/loop", Kind::Protocol, "too many redirects".to_owned()),
    ] {
        let failure = failure(&client, get(server.url(path))).await;
        assert_eq!(failure.kind, kind, "{path}");
        assert!(failure.message.starts_with(&text), "{path}: {}", failure.message);
    }
    assert!(inner.seen().is_empty());
    let loops = server.seen().iter().filter(|request| request.starts_with("GET /loop")).count();
    assert_eq!(loops, MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn another_origin_gets_no_field_of_the_script() {
    let other = Server::start(|_| ok("")).await;
    let target = other.url("/");
    let server = Server::start(move |_| to(307, &target)).await;
    let request = Request { headers: b"Authorization\0secret\0Cookie\0secret\0X-Api-Key\0secret\0".to_vec(), ..get(server.url("/")) };
    exchange(&open_client(), request).await.unwrap();
    assert!(server.seen()[0].contains("x-api-key: secret"));
    assert!(!other.seen()[0].contains("secret"), "{}", other.seen()[0]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_invalid() {
    let client = open_client();
    for request in [
        get(""),
        get("/relative"),
        get("ws://a.test/"),
        get("http://u:secret@a.test/"),
        Request { url: b"http://\xff/".to_vec(), ..get("") },
        Request { method: b"G T".to_vec(), ..get("http://a.test/") },
        Request { headers: b"Host\0secret\0".to_vec(), ..get("http://a.test/") },
        Request { headers: b"X\0secret\r\nY: z\0".to_vec(), ..get("http://a.test/") },
    ] {
        assert_eq!(failure(&client, request).await.kind, Kind::Invalid);
    }
}

#[tokio::test]
async fn the_deadline_covers_head_and_body() {
    let server = Server::start(|request| match request.contains("/head") {
        true => Reply::Hang(Vec::new()),
        false => Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
    })
    .await;
    let client = open_client();
    let started = Instant::now();
    for path in ["/head", "/body"] {
        let request = Request { timeout: Duration::from_millis(100), ..get(server.url(path)) };
        let failure = failure(&client, request).await;
        assert_eq!(failure.kind, Kind::Timeout);
        assert_eq!(failure.message, format!("the exchange with {} took longer than 0.1 s", server.address));
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_slow_body_is_handed_over_as_it_comes() {
    let server = Server::start(|_| Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec())).await;
    let response = open_client().send(get(server.url("/"))).await.unwrap();
    assert_eq!(response.body, b"abc");
    let rest = response.rest.unwrap();
    let read = tokio::time::timeout(Duration::from_millis(50), rest.clone().read()).await;
    assert!(read.is_err(), "nothing more comes");
    assert_eq!(rest.read().await.unwrap_err().kind, Kind::Closed, "a dropped read closes the exchange");
}

#[tokio::test]
async fn broken_responses_have_their_kinds() {
    let server = Server::start(|request| {
        let bytes: &[u8] = match request.split([' ', '?']).nth(1).unwrap() {
            "/empty" => b"",
            "/garbage" => b"no HTTP at all\r\n\r\n",
            "/half-head" => b"HTTP/1.1 200 OK\r\nX",
            "/short" => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            "/half-chunk" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
            "/bad-chunk" => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
            "/two-lengths" => b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "/no-gzip" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            "/half-gzip" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\x02\xff",
            _ => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 90\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\x02\xff",
        };
        Reply::Close(bytes.to_vec())
    })
    .await;
    let client = open_client();
    for (path, kind) in [
        ("/empty", Kind::Closed),
        ("/garbage", Kind::Protocol),
        ("/half-head", Kind::Closed),
        ("/short", Kind::Closed),
        ("/half-chunk", Kind::Closed),
        ("/bad-chunk", Kind::Protocol),
        ("/two-lengths", Kind::Protocol),
        ("/no-gzip", Kind::Protocol),
        ("/half-gzip", Kind::Protocol),
        ("/lost-gzip", Kind::Closed),
    ] {
        let failure = failure(&client, get(server.url(&format!("{path}?secret")))).await;
        assert_eq!(failure.kind, kind, "{path}: {}", failure.message);
        assert!(failure.message.contains(&server.address.to_string()), "{}", failure.message);
    }
}

#[tokio::test]
async fn content_codings_are_decoded_and_their_fields_removed() {
    let gzip = [31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0];
    let server = Server::start(move |request| {
        let (coding, body): (_, &[u8]) = match request.split(' ').nth(1).unwrap() {
            "/gzip" => ("gzip", &gzip),
            "/br" => ("br", b"\x0b\x02\x80hello\x03"),
            "/zstd" => ("zstd", b"\x28\xb5\x2f\xfd\x00\x58\x29\x00\x00hello"),
            _ => ("identity", b"hello"),
        };
        let mut reply = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
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
async fn the_decoded_size_is_bounded() {
    // Blocks of 128 KiB that are one byte repeated, the last one marked: 10 MiB in 326 bytes.
    let mut bomb = b"\x28\xb5\x2f\xfd\x00\x58".to_vec();
    for block in 0..80_u32 {
        let header = u32::from(block == 79) | 1 << 1 | (128 * 1024) << 3;
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(b'x');
    }
    let server = Server::start(move |request| match request.contains("/bomb") {
        true => {
            let mut reply = format!("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: {}\r\n\r\n", bomb.len()).into_bytes();
            reply.extend_from_slice(&bomb);
            Reply::Close(reply)
        }
        false => ok(&"x".repeat(1000)),
    })
    .await;
    let limits = Limits { max_response: Some(1_000_000), ..Limits::default() };
    let client = client_with(&["127.0.0.1:*".to_owned()], &limits);
    let operator = failure(&client, get(server.url("/bomb"))).await;
    assert_eq!(operator.kind, Kind::TooLarge);
    assert!(operator.message.contains("--max-response"), "{}", operator.message);
    let asked = |max| Request { max_size: Some(max), ..get(server.url("/plain")) };
    assert_eq!(exchange(&client, asked(1000)).await.unwrap().1.len(), 1000);
    let asked = failure(&client, asked(999)).await;
    assert_eq!((asked.kind, asked.message.as_str()), (Kind::TooLarge, "the response body is larger than max_size, 999 bytes"));
    let open = client_with(&["127.0.0.1:*".to_owned()], &Limits { max_response: None, ..limits });
    assert_eq!(exchange(&open, get(server.url("/bomb"))).await.unwrap().1.len(), 10 * 1024 * 1024);
}

#[tokio::test]
async fn header_sections_are_bounded() {
    let server = Server::start(|request| {
        let fields = match request.split(' ').nth(1).unwrap() {
            "/lines" => "a: b\r\n".repeat(101),
            "/edge" => "a: b\r\n".repeat(99),
            "/huge" => format!("a: {}\r\n", "x".repeat(1024 * 1024)),
            _ => format!("a: {}\r\n", "x".repeat(70_000)),
        };
        Reply::Close(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n").into_bytes())
    })
    .await;
    let client = open_client();
    for path in ["/lines", "/bytes", "/huge"] {
        let failure = failure(&client, get(server.url(path))).await;
        assert_eq!(failure.kind, Kind::TooLarge, "{path}: {}", failure.message);
        assert!(failure.message.contains("--max-headers"));
    }
    assert_eq!(exchange(&client, get(server.url("/edge"))).await.unwrap().0, 200);
}

#[tokio::test]
async fn exchanges_at_once_are_bounded_until_they_end() {
    let server = Server::start(|request| match request.contains("/open") {
        true => Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
        false => ok("x"),
    })
    .await;
    let limits = Limits { max_outgoing: 2, ..Limits::default() };
    let client = client_with(&["127.0.0.1:*".to_owned()], &limits);
    let first = client.clone().send(get(server.url("/open"))).await.unwrap();
    let second = client.clone().send(get(server.url("/open"))).await.unwrap();
    let third = failure(&client, get(server.url("/open"))).await;
    assert_eq!(third.kind, Kind::Limit);
    assert!(third.message.contains("--max-outgoing"));
    drop(first);
    for _ in 0..10 {
        exchange(&client, get(server.url("/"))).await.unwrap();
    }
    drop(second);
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_have_their_kinds() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = failure(&open_client(), get(format!("http://{free}/?secret"))).await;
    assert_eq!(refused.kind, Kind::Connect);
    assert!(refused.message.starts_with(&format!("cannot connect to {free}: Connection refused")), "{}", refused.message);
    let mut grants = NetGrants::default();
    grants.allow("*.invalid").unwrap();
    let network = Network::new(Arc::new(grants), Audit::default());
    let transport = Transport::new(Arc::new(network), &Limits::default(), SystemRoots::default());
    let unknown = failure(&Client::open(Arc::new(transport), None).unwrap(), get("http://a.invalid/?secret")).await;
    assert_eq!(unknown.kind, Kind::Dns, "{}", unknown.message);
    assert!(unknown.message.starts_with("cannot resolve a.invalid"), "{}", unknown.message);
}

#[tokio::test]
async fn tls_is_made_with_the_given_certificates_only() {
    let (address, pem) = server::tls::start(&["h2", "http/1.1"]).await;
    let (old, old_pem) = server::tls::start(&["http/1.1"]).await;
    let pems = format!("{pem}{old_pem}");
    let transport = transport(&["127.0.0.1:*".to_owned(), "*.test:*".to_owned()], &Limits::default());
    let trusting = Client::open(Arc::clone(&transport), Some(pems.as_bytes())).unwrap();
    for (address, version) in [(address, "2"), (old, "1.1")] {
        let response = trusting.clone().send(get(format!("https://{address}/path"))).await.unwrap();
        assert_eq!((response.version, response.body.as_slice()), (version, &b"/path"[..]));
        assert!(response.rest.is_none());
    }
    let stranger = Client::open(transport, None).unwrap();
    for (client, url) in [(&stranger, format!("https://{address}/?secret")), (&trusting, format!("https://a.test:{}/?secret", address.port()))] {
        let failure = failure(client, get(url)).await;
        assert_eq!(failure.kind, Kind::Tls, "{}", failure.message);
    }
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let (_, pem) = server::tls::start(&[]).await;
    let client = Client::open(transport(&["127.0.0.1:*".to_owned()], &Limits::default()), Some(pem.as_bytes())).unwrap();
    let failure = failure(&client, get(format!("https://{address}/?secret"))).await;
    assert_eq!(failure.kind, Kind::Tls, "{}", failure.message);
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
async fn a_name_that_moves_is_refused_when_the_next_connection_is_made() {
    let server = Server::start(|_| Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec())).await;
    let client = client_that_resolves(&[[127, 0, 0, 1], [127, 0, 0, 2]], &["a.test:*", "127.0.0.1:*"], Audit::default());
    let url = format!("http://a.test.:{}/?secret", server.port());
    assert_eq!(exchange(&client, get(url.as_str())).await.unwrap().0, 200);
    let failure = failure(&client, get(url)).await;
    assert_eq!(failure.kind, Kind::Denied);
    assert!(failure.message.contains("it resolves to 127.0.0.2, which is not public"), "{}", failure.message);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_connect_timeout_covers_the_look_up() {
    let client = client_that_resolves(&[], &["a.test"], Audit::default());
    let request = Request { connect_timeout: Some(Duration::from_millis(50)), ..get("http://a.test/?secret") };
    let failure = failure(&client, request).await;
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Timeout, "connecting to a.test:80 took too long"));
}

#[tokio::test]
async fn dropping_a_call_or_a_body_closes_the_connection() {
    let server = Server::start(|request| match request.contains("/body") {
        true => Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
        false => Reply::Hang(Vec::new()),
    })
    .await;
    let client = open_client();
    let cut = tokio::time::timeout(Duration::from_millis(50), client.clone().send(get(server.url("/head")))).await;
    assert!(cut.is_err());
    drop(client.clone().send(get(server.url("/body"))).await.unwrap());
    let both = async {
        while server.abandoned.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), both).await.unwrap();
}

#[tokio::test]
async fn every_ascii_character_in_a_url_is_sent_or_refused() {
    let server = Server::start(|_| ok("")).await;
    let client = open_client();
    for byte in 0..128_u8 {
        let url = server.url(&format!("/{0}?{0}#{0}", char::from(byte)));
        match exchange(&client, get(url)).await {
            Ok((status, _)) => assert_eq!(status, 200),
            Err(failure) => assert_eq!(failure.kind, Kind::Invalid, "{byte}: {}", failure.message),
        }
    }
    assert!(server.seen().iter().all(|request| request.matches("\r\n").count() == 5), "no extra line");
}

#[tokio::test]
async fn the_audit_log_has_decisions_and_the_exchange_without_secrets() {
    let server = Server::start(|_| ok("four")).await;
    let path = std::env::temp_dir().join(format!("tidelock-audit-{}-{}", std::process::id(), server.port()));
    let audit = Audit::to_file(std::fs::File::create(&path).unwrap());
    let client = client_that_resolves(&[[127, 0, 0, 1]], &["a.test:*", "127.0.0.1:*"], audit);
    let request = Request { headers: b"X-Key\0secret\0".to_vec(), ..get(format!("http://a.test:{}/?secret", server.port())) };
    exchange(&client, request).await.unwrap();
    failure(&client, get("http://b.test/?secret")).await;
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(!log.contains("secret"));
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let origin = format!("http://a.test:{}", server.port());
    let shown: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {} {} {} {} {}", line["operation"], line["target"], line["allowed"], line["rule"], line["outcome"], line["bytes"]))
        .collect();
    assert_eq!(shown, [
        format!("\"check\" \"{origin}\" true \"a.test:*\" null null"),
        format!("\"connect\" \"{origin} at 127.0.0.1\" true \"127.0.0.1:*\" null null"),
        format!("\"exchange\" \"{origin}\" null null \"200\" 4"),
        "\"check\" \"http://b.test:80\" false null null null".to_owned(),
    ]);
}
