//! Requests that cannot be sent, and peers that break the rules.

use super::*;

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
    assert!(
        server.seen().iter().all(|request| request.matches("\r\n").count() == 6),
        "no extra line"
    );
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
async fn a_refused_connection_and_an_unknown_name_have_their_kinds() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = failure(&open_client(), get(format!("http://{free}/?secret"))).await;
    assert_eq!(refused.kind, Kind::Connect);
    assert!(
        refused.message.starts_with(&format!("cannot connect to {free}: Connection refused")),
        "{}",
        refused.message
    );
    let mut grants = NetGrants::default();
    grants.allow("*.invalid").unwrap();
    let network = Network::new(Arc::new(grants), Audit::default());
    let transport = Transport::new(Arc::new(network), &Limits::default(), SystemRoots::default());
    let unknown =
        failure(&Client::open(Arc::new(transport), None).unwrap(), get("http://a.invalid/?secret"))
            .await;
    assert_eq!(unknown.kind, Kind::Dns, "{}", unknown.message);
    assert!(unknown.message.starts_with("cannot resolve a.invalid"), "{}", unknown.message);
}

#[tokio::test]
async fn tls_is_made_with_the_given_certificates_only() {
    let (address, pem) = server::tls::start(&["h2", "http/1.1"]).await;
    let (old, old_pem) = server::tls::start(&["http/1.1"]).await;
    let pems = format!("{pem}{old_pem}");
    let transport =
        transport(&["127.0.0.1:*".to_owned(), "*.test:*".to_owned()], &Limits::default());
    let trusting = Client::open(Arc::clone(&transport), Some(pems.as_bytes())).unwrap();
    for (address, version) in [(address, "2"), (old, "1.1")] {
        let response = trusting.clone().send(get(format!("https://{address}/path"))).await.unwrap();
        assert_eq!((response.version, response.body.as_slice()), (version, &b"/path"[..]));
        assert!(response.rest.is_none());
    }
    let stranger = Client::open(transport, None).unwrap();
    for (client, url) in [
        (&stranger, format!("https://{address}/?secret")),
        (&trusting, format!("https://a.test:{}/?secret", address.port())),
    ] {
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
    let client = Client::open(
        transport(&["127.0.0.1:*".to_owned()], &Limits::default()),
        Some(pem.as_bytes()),
    )
    .unwrap();
    let failure = failure(&client, get(format!("https://{address}/?secret"))).await;
    assert_eq!(failure.kind, Kind::Tls, "{}", failure.message);
}
