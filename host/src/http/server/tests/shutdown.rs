//! How servers end.

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test]
async fn stopping_lets_a_request_end_and_refuses_new_connections() {
    let running = start(Limits::default());
    let mut idle = running.connect().await;
    idle.send(GET).await;
    running.respond(running.request().await.id, "");
    idle.response().await;
    let mut busy = running.connect().await;
    busy.send(GET).await;
    let id = running.request().await.id;

    running.server.stop();
    running.server.stop();
    assert_eq!(idle.rest().await, "");
    assert!(TcpStream::connect(running.address).await.is_err());
    running.respond(id, "done");
    let answer = busy.rest().await;
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("done"), "{answer}");
    running.stopped().await;
    running.stopped().await;
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_period_is_cut() {
    let running = start(Limits { grace_period: SOON, ..Limits::default() });
    let mut client = running.connect().await;
    client.send(GET).await;
    let id = running.request().await.id;
    running.server.stop();
    assert_eq!(running.gone().await, id);
    running.stopped().await;
    assert_eq!(client.end().await, "");
}

#[tokio::test]
async fn a_request_that_is_still_arriving_is_served_before_the_end() {
    let running = start(Limits::default());
    let mut client = running.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    client.until("\r\n\r\n").await;
    running.server.stop();
    client.send("ok").await;
    let request = running.request().await;
    assert_eq!(request.body, b"ok");
    running.respond(request.id, "served");
    assert!(client.rest().await.ends_with("served"));
    running.stopped().await;
}

#[tokio::test]
async fn a_server_that_dies_answers_503_and_its_socket_waits_for_the_next() {
    let listeners = Listeners::default();
    let first = start_with(Limits::default(), false, &listeners, AccessLog::default());
    let mut delivered = first.connect().await;
    delivered.send(GET).await;
    first.request().await;
    let mut idle = first.connect().await;
    let mut arriving = first.connect().await;
    arriving
        .send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    arriving.until("\r\n\r\n").await;
    let address = first.address;
    drop(first);

    let answer = delivered.rest().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(field(&answer, "retry-after"), Some("1"));
    assert_eq!(field(&answer, "connection"), Some("close"));
    assert_eq!(idle.rest().await, "");
    arriving.send("ok").await;
    assert!(arriving.rest().await.starts_with("HTTP/1.1 503 "));

    let mut waiting = TcpStream::connect(address).await.unwrap();
    waiting.write_all(GET.as_bytes()).await.unwrap();
    let second = start_with(Limits::default(), false, &listeners, AccessLog::default());
    assert_eq!(second.address, address);
    second.respond(second.request().await.id, "from the second");
    let mut waiting = Client { stream: waiting, buffer: Vec::new() };
    assert_eq!(waiting.response().await.1, "from the second");
}
