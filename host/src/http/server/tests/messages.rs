//! Requests and responses that are as they should be, and handlers that are not.

use super::*;

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test]
async fn the_guest_sees_the_request_and_the_client_the_response() {
    let running = start(Limits::default());
    let mut client = running.connect().await;
    client.send(GET).await;
    let request = running.request().await;
    let peer = client.stream.local_addr().unwrap();
    let head = format!("GET\0/a\0b=c\x001.1\0{peer}\0host\0h\0");
    assert_eq!(String::from_utf8(request.head).unwrap(), head);
    assert_eq!((request.body.len(), request.body_rest), (0, 0));

    let headers = b"Set-Cookie\0a=1\0Set-Cookie\0b=2\0".to_vec();
    running.server.respond(request.id, 201, headers, b"hello".to_vec()).unwrap();
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    assert!(head.contains("set-cookie: a=1\r\nset-cookie: b=2\r\n"), "{head}");
    assert_eq!(field(&head, "content-length"), Some("5"));
    assert!(field(&head, "date").is_some());
    client.until("hello").await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let echo = echo(Limits::default());
    let mut client = echo.connect().await;
    for _ in 0..3 {
        client.send(GET).await;
        assert_eq!(client.response().await, (200, "GET /a ".to_owned()));
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let echo = echo(Limits::default());
    let mut client = echo.connect().await;
    let host = "HTTP/1.1\r\nHost: h\r\n";
    client
        .send(format!(
            "GET /1 {host}\r\nPOST /2 {host}Content-Length: 2\r\n\r\nhi\
             POST /3 {host}Transfer-Encoding: chunked\r\n\r\n2\r\nyo\r\n0\r\n\r\nGET /4 {host}\r\n"
        ))
        .await;
    for body in ["GET /1 ", "POST /2 hi", "POST /3 yo", "GET /4 "] {
        assert_eq!(client.response().await, (200, body.to_owned()));
    }
}

#[tokio::test]
async fn an_expected_100_comes_before_the_body_is_sent() {
    let echo = echo(Limits::default());
    let mut client = echo.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok").await;
    assert_eq!(client.response().await.1, "POST / ok");
}

#[tokio::test]
async fn a_head_request_gets_the_length_without_the_body() {
    let echo = echo(Limits::default());
    let mut client = echo.connect().await;
    client.send("HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let head = client.until("\r\n\r\n").await;
    assert_eq!(field(&head, "content-length"), Some("8"));
    client.send(GET).await;
    assert_eq!(client.response().await.1, "GET /a ");
}

#[tokio::test]
async fn large_bodies_come_in_pieces_and_unharmed() {
    let running = start(Limits::default());
    let body: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let mut client = running.connect().await;
    client.send("POST / HTTP/1.0\r\nContent-Length: 300000\r\n\r\n").await;
    client.send(&body).await;
    let request = running.request().await;
    assert_eq!(request.body.len(), crate::limits::MAX_INLINE_BODY);
    assert_eq!(request.body.len() as u64 + request.body_rest, 300_000);
    let mut whole = request.body;
    loop {
        let piece = running.server.read_body(request.id);
        assert!(piece.len() <= crate::limits::MAX_CROSSING);
        whole.extend_from_slice(&piece);
        if piece.is_empty() {
            break;
        }
    }
    assert_eq!(whole, body);
    running.respond(request.id, "got it");
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("got it"), "{answer}");
}

#[tokio::test]
async fn statuses_without_content_send_none() {
    let running = start(Limits::default());
    let mut client = running.connect().await;
    for status in [204, 304] {
        client.send(GET).await;
        let id = running.request().await.id;
        running.server.respond(id, status, Vec::new(), b"unwanted".to_vec()).unwrap();
        let head = client.until("\r\n\r\n").await;
        assert_eq!(field(&head, "content-length"), None, "{head}");
    }
    client.send(GET).await;
    running.respond(running.request().await.id, "next");
    assert_eq!(client.response().await.1, "next");
}

#[tokio::test]
async fn a_response_that_cannot_be_sent_leaves_the_request_to_be_answered() {
    let running = start(Limits::default());
    let mut client = running.connect().await;
    for (status, block, reason) in [
        (200, &b"Location\0/\r\nX: secret\0"[..], "invalid value of the header field `location`"),
        (200, b"Content-Length\x005\0", "the header field `content-length` belongs to the host"),
        (99, b"", "the status must be 200 to 599, got 99"),
    ] {
        client.send(GET).await;
        let id = running.request().await.id;
        let outcome = running.server.respond(id, status, block.to_vec(), Vec::new());
        assert_eq!(outcome.unwrap_err(), reason);
        running.server.fail(id, b"GET /a", reason.as_bytes());
        assert_eq!(client.response().await.0, 500);
        let report = running.reports.lock().unwrap().pop().unwrap();
        assert!(report.ends_with(&format!("route=GET /a report={reason}")), "{report}");
    }
}

#[tokio::test]
async fn a_handlers_failure_is_reported_to_the_log_and_not_to_the_client() {
    let running = start(Limits::default());
    let mut client = running.connect().await;
    client.send(GET).await;
    running.server.fail(running.request().await.id, b"GET /a", b"boom\ntraceback");
    let (status, body) = client.response().await;
    assert_eq!(status, 500);
    assert!(body.starts_with("internal server error (id ") && !body.contains("boom"), "{body}");
    assert!(running.reports.lock().unwrap()[0].ends_with("route=GET /a report=boom\ntraceback"));
}

#[tokio::test]
async fn in_development_the_client_sees_the_report() {
    let running = start_with(Limits::default(), true, &Listeners::default(), AccessLog::default());
    let mut client = running.connect().await;
    client.send(GET).await;
    running.server.fail(running.request().await.id, b"GET /a", b"boom \xff");
    assert!(client.response().await.1.ends_with("\n\nboom \u{fffd}"));
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_handler() {
    let running = start(Limits::default());
    let mut client = running.connect().await;
    client.send(GET).await;
    let request = running.request().await;
    drop(client);
    assert_eq!(running.gone().await, request.id);
    running.respond(request.id, "too late");
    running.server.fail(request.id, b"", b"");
    assert!(running.reports.lock().unwrap().is_empty());
}

#[tokio::test]
async fn answers_to_requests_that_never_were_are_ignored() {
    let running = start(Limits::default());
    running.respond(7, "");
    running.server.fail(8, b"", b"");
    assert!(running.server.read_body(9).is_empty());
}

#[tokio::test]
async fn each_request_is_a_line_of_the_access_log() {
    let scratch = crate::scratch::Scratch::new();
    let path = scratch.path().join("access.log");
    let file = std::fs::File::create(&path).unwrap();
    let log = AccessLog::to(file, crate::log_line::LogFormat::Text).unwrap();
    let running = start_with(Limits::default(), false, &Listeners::default(), log);
    let mut client = running.connect().await;
    client.send("GET /a?secret HTTP/1.1\r\nHost: h\r\n\r\n").await;
    running.respond(running.request().await.id, "12345");
    client.response().await;
    client.send("HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n").await;
    running.respond(running.request().await.id, "12345");
    client.until("\r\n\r\n").await;
    client.send(GET).await;
    running.request().await;
    drop(client);
    running.gone().await;
    let mut client = running.connect().await;
    client.send("no request\r\n\r\n").await;
    client.rest().await;
    drop(client);
    running.server.stop();
    running.stopped().await;
    drop(running);
    // The last task holds the log until the runtime polls it to its end.
    let lines = loop {
        let text = std::fs::read_to_string(&path).unwrap();
        if text.lines().count() == 4 {
            break text;
        }
        tokio::task::yield_now().await;
    };
    let endings = [
        "\"GET /a HTTP/1.1\" 200 5 ",
        "\"HEAD /b HTTP/1.1\" 200 0 ",
        "\"GET /a HTTP/1.1\" 499 0 ",
        "\"- - HTTP/-\" 400 0 ",
    ];
    for (line, ending) in lines.lines().zip(endings) {
        assert!(line.contains(ending), "{line}");
    }
}
