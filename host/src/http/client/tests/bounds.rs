//! Times, sizes and counts.

use super::*;

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
        assert_eq!(
            failure.message,
            format!("the exchange with {} took longer than 0.1 s", server.address)
        );
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_connect_timeout_covers_the_look_up() {
    let client = client_that_resolves(&[], &["a.test"], Audit::default());
    let request = Request {
        connect_timeout: Some(Duration::from_millis(50)),
        ..get("http://a.test/?secret")
    };
    let failure = failure(&client, request).await;
    assert_eq!(
        (failure.kind, failure.message.as_str()),
        (Kind::Timeout, "connecting to a.test:80 took too long")
    );
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
            let mut reply = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: {}\r\n\r\n",
                bomb.len()
            )
            .into_bytes();
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
    assert_eq!(
        (asked.kind, asked.message.as_str()),
        (Kind::TooLarge, "the response body is larger than max_size, 999 bytes")
    );
    let open = client_with(&["127.0.0.1:*".to_owned()], &Limits { max_response: None, ..limits });
    assert_eq!(exchange(&open, get(server.url("/bomb"))).await.unwrap().1.len(), 10 * 1024 * 1024);
}

#[tokio::test]
async fn header_sections_are_bounded() {
    let server = Server::start(|request| {
        let fields = match request.split(' ').nth(1).unwrap() {
            "/lines" => "a: b\r\n".repeat(101),
            "/edge" => "a: b\r\n".repeat(99),
            "/length" => "Content-Length: 18446744073709551615\r\n".to_owned(),
            "/huge" => format!("a: {}\r\n", "x".repeat(1024 * 1024)),
            _ => format!("a: {}\r\n", "x".repeat(70_000)),
        };
        Reply::Close(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes())
    })
    .await;
    let client = open_client();
    for path in ["/lines", "/bytes", "/huge", "/length"] {
        let failure = failure(&client, get(server.url(path))).await;
        assert_eq!(failure.kind, Kind::TooLarge, "{path}: {}", failure.message);
        assert!(failure.message.contains("--max-headers"));
    }
    let length = failure(&client, get(server.url("/length"))).await;
    assert!(length.message.contains("announces a body"), "{}", length.message);
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
async fn a_slow_body_is_handed_over_as_it_comes() {
    let server =
        Server::start(|_| Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()))
            .await;
    let response = open_client().send(get(server.url("/"))).await.unwrap();
    assert_eq!(response.body, b"abc");
    let rest = response.rest.unwrap();
    let read = tokio::time::timeout(Duration::from_millis(50), rest.clone().read()).await;
    assert!(read.is_err(), "nothing more comes");
    assert_eq!(
        rest.read().await.unwrap_err().kind,
        Kind::Closed,
        "a dropped read closes the exchange"
    );
}

#[tokio::test]
async fn dropping_a_call_or_a_body_closes_the_connection() {
    let server = Server::start(|request| match request.contains("/body") {
        true => Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
        false => Reply::Hang(Vec::new()),
    })
    .await;
    let client = open_client();
    let cut = tokio::time::timeout(
        Duration::from_millis(50),
        client.clone().send(get(server.url("/head"))),
    )
    .await;
    assert!(cut.is_err());
    drop(client.clone().send(get(server.url("/body"))).await.unwrap());
    let both = async {
        while server.abandoned.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), both).await.unwrap();
}
