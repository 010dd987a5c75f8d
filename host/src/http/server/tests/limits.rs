//! Every limit, at its edge.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[tokio::test]
async fn a_body_announced_too_large_is_refused_before_it_is_sent() {
    let echo = echo(limits(|limits| limits.max_body = Some(10)));
    let mut client = echo.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
        .await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    let mut client = echo.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789").await;
    assert_eq!(client.response().await.0, 200);
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused() {
    let echo = echo(limits(|limits| limits.max_body = Some(10)));
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = echo.all(format!("{head}5\r\n01234\r\n6\r\n567890\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut client = echo.connect().await;
    client.send(format!("{head}5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")).await;
    assert_eq!(client.response().await.0, 200);
}

#[tokio::test]
async fn a_client_that_sends_on_still_receives_the_refusal() {
    let echo = echo(limits(|limits| limits.max_body = Some(10)));
    let mut client = echo.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n").await;
    client.send(vec![b'x'; 3_000_000]).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn too_many_header_lines_or_bytes_are_refused() {
    let head = |lines: usize, bytes: usize| {
        let mut head = "GET / HTTP/1.1\r\nHost: h\r\n".to_owned();
        head.push_str(&"a: b\r\n".repeat(lines - 1));
        if bytes > 0 {
            head.push_str("c: ");
            head.push_str(&"d".repeat(bytes - head.len() - 4));
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        head
    };
    for limits in [Limits::default(), limits(|limits| limits.max_header_lines = 7)] {
        let lines = limits.max_header_lines;
        let bytes = limits.max_header_bytes;
        let echo = echo(limits);
        let mut client = echo.connect().await;
        client.send(head(lines, 0)).await;
        assert_eq!(client.response().await.0, 200);
        client.send(head(1, bytes)).await;
        assert_eq!(client.response().await.0, 200);
        for text in [head(lines + 1, 0), head(1, bytes + 1), head(1, 3 * bytes)] {
            let answer = echo.all(text).await;
            assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_target_that_is_too_long_is_refused() {
    let echo = echo(Limits::default());
    let path = "a".repeat(crate::limits::MAX_TARGET);
    let answer = echo.all(format!("GET /{path} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_answered_408() {
    let echo = echo(limits(|limits| limits.body_timeout = Some(SOON)));
    for framing in ["Content-Length: 3\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"]
    {
        let answer = echo.all(format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}")).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[tokio::test]
async fn a_slow_head_ends_the_connection_also_after_another_request() {
    let echo = echo(limits(|limits| limits.header_timeout = Some(SOON)));
    assert_eq!(echo.all("").await, "");
    assert_eq!(echo.all("GET / HTTP/1.1\r\nHo").await, "");
    let mut client = echo.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    client.response().await;
    client.send("G").await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_head_that_trickles_does_not_gain_time_by_it() {
    let echo = echo(limits(|limits| limits.header_timeout = Some(SOON)));
    let mut client = echo.connect().await;
    let mut interval = tokio::time::interval(SOON / 6);
    let trickle = async {
        client.send("GET / HTTP/1.1\r\n").await;
        loop {
            interval.tick().await;
            if client.stream.write_all(b"a: b\r\n").await.is_err() {
                break;
            }
        }
    };
    timeout(HANG, trickle).await.expect("the connection to end");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_its_time_is_not_that_of_a_head() {
    let echo = echo(limits(|limits| limits.idle_timeout = Some(SOON)));
    let mut client = echo.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    client.response().await;
    assert_eq!(client.rest().await, "");

    let echo = self::echo(limits(|limits| {
        limits.header_timeout = Some(SOON);
        limits.idle_timeout = None;
    }));
    let mut client = echo.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    client.response().await;
    let silence = timeout(3 * SOON, client.stream.readable()).await;
    assert!(silence.is_err(), "an idle connection may stay");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    client.response().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let running = start(limits(|limits| {
        limits.write_timeout = Some(SOON);
        limits.grace_period = 3 * HANG;
    }));
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let id = running.request().await.id;
    // More than the buffers of both sockets hold.
    running.server.respond(id, 200, Vec::new(), vec![b'x'; 64 << 20]).unwrap();
    running.server.stop();
    running.stopped().await;
    assert!(client.end().await.len() < 64 << 20);
}

#[tokio::test]
async fn a_slow_reader_that_takes_something_is_not_cut() {
    let running = start(limits(|limits| limits.write_timeout = Some(SECOND)));
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let id = running.request().await.id;
    let size = 24 << 20;
    running.server.respond(id, 200, Vec::new(), vec![b'x'; size]).unwrap();
    // Long enough for the whole to take several times the limit.
    let mut interval = tokio::time::interval(SECOND / 10);
    let mut buffer = vec![0; 1 << 20];
    client.until("\r\n\r\n").await;
    let mut left = size - client.buffer.len();
    while left > 0 {
        interval.tick().await;
        let piece = &mut buffer[..left.min(1 << 20)];
        timeout(HANG, client.stream.read_exact(piece)).await.unwrap().expect("not to be cut");
        left -= piece.len();
    }
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_ended_and_its_client_told() {
    let running = start(limits(|limits| limits.max_handler_time = Some(SOON)));
    let mut client = running.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let request = running.request().await;
    assert_eq!(client.response().await.0, 504);
    assert_eq!(running.gone().await, request.id);
    running.respond(request.id, "too late");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    running.respond(running.request().await.id, "in time");
    assert_eq!(client.response().await.1, "in time");
}

#[tokio::test]
async fn requests_in_flight_are_bounded_and_so_is_their_queue() {
    let running = start(limits(|limits| limits.max_in_flight = 1));
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(running.connect().await);
    }
    let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    clients[0].send(get).await;
    let first = running.request().await;
    clients[1].send(get).await;
    clients[2].send(get).await;
    // One of the two waits, the other is told to come back.
    let (early, late) = clients.split_at_mut(2);
    let (refusal, queued) = tokio::select! {
        head = early[1].until("\r\n\r\n") => (head, &mut late[0]),
        head = late[0].until("\r\n\r\n") => (head, &mut early[1]),
    };
    assert!(refusal.starts_with("HTTP/1.1 503 "), "{refusal}");
    assert_eq!(field(&refusal, "retry-after"), Some("1"));
    let mut next = Box::pin(running.server.next());
    assert!(futures_pending(&mut next).await, "one at a time");
    running.respond(first.id, "first");
    let second = match timeout(HANG, next).await.unwrap().remove(0) {
        Event::Request(request) => request,
        other => panic!("{other:?}"),
    };
    running.respond(second.id, "second");
    assert_eq!(queued.response().await.1, "second");
}

/// Whether `future` still waits after everything else has had its turn.
async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
    timeout(Duration::ZERO, future).await.is_err()
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_close() {
    let echo = echo(limits(|limits| limits.max_connections = 1));
    let mut first = echo.connect().await;
    first.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    first.response().await;
    let mut second = echo.connect().await;
    second.send("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(timeout(SOON, second.stream.readable()).await.is_err(), "no room yet");
    drop(first);
    assert_eq!(second.response().await.1, "GET /2 ");
}
