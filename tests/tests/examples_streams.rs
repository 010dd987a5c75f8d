//! The examples that stream, run as the comment at the top of each says. What a browser makes of their pages is
//! in `browser.rs`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::sync::mpsc;

use serde_json::Value;
use tests::client::{Raw, send};
use tests::events::Events;
use tests::examples::{command, run, serve, without_grants};
use tests::run::Serving;
use tests::stream::{EVENTS, Streams};
use tests::upstream::Upstream;
use tests::websocket::{BINARY, CLOSE, Frame, WebSocket, handshake, request};
use tests::websocket_peer::{self as peer, Server};

/// A member of the chat.
struct Member {
    socket: WebSocket,
}

impl Member {
    #[track_caller]
    fn join(server: &Serving, name: &str) -> Self {
        Self { socket: WebSocket::open(server.port, &format!("/chat?name={name}")) }
    }

    fn say(&mut self, text: &str) {
        self.socket.send(&Frame::text(text));
    }

    /// What is told next, in one word and its text or name.
    #[track_caller]
    fn hear(&mut self) -> String {
        let message = self.socket.message();
        assert_ne!(message.opcode, CLOSE, "{} {}", message.code(), message.reason());
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        let word = |name: &str| event[name].as_str().unwrap().to_owned();
        match event["kind"].as_str().unwrap() {
            "message" => format!("{}: {}", word("name"), word("text")),
            "notice" => word("text"),
            kind => format!("{} {kind}", word("name")),
        }
    }
}

#[test]
fn chat_serves_its_page() {
    let server = serve("chat.lua");
    let response = Raw::connect(server.port).get("/");
    assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(response.text().starts_with("<!doctype html>"), "{}", response.text());
}

#[test]
fn chat_tells_all_members_and_shows_newcomers_the_last_messages() {
    let server = serve("chat.lua");
    let mut ada = Member::join(&server, "Ada");
    assert_eq!(ada.hear(), "Ada joined");
    for number in 1..=21 {
        ada.say(&number.to_string());
        assert_eq!(ada.hear(), format!("Ada: {number}"));
    }
    ada.say(" \t");
    let mut bob = Member::join(&server, "Bob");
    for number in 2..=21 {
        assert_eq!(bob.hear(), format!("Ada: {number}"));
    }
    assert_eq!((ada.hear(), bob.hear()), ("Bob joined".to_owned(), "Bob joined".to_owned()));
    bob.say("\"quoted\" <b>ü</b>");
    assert_eq!(ada.hear(), "Bob: \"quoted\" <b>ü</b>");
    drop(bob);
    assert_eq!(ada.hear(), "Bob left");
}

#[test]
fn chat_closes_with_codes_that_say_why() {
    let server = serve("chat.lua");
    let mut ada = Member::join(&server, "Ada");
    assert_eq!(ada.hear(), "Ada joined");
    let reason = Member::join(&server, "Ada").socket.expect_close(4002);
    assert_eq!(reason, "somebody here is called Ada");
    let mut bob = Member::join(&server, "Bob");
    bob.socket.send(&Frame::new(BINARY, "bytes"));
    assert_eq!(bob.socket.expect_close(1003), "only text is understood here");
    ada.say(&"x".repeat(2001));
    ada.say("/quit");
    assert_eq!(ada.socket.expect_close(4001), "goodbye, Ada");
    assert_eq!(Member::join(&server, "Ada").hear(), "Ada joined");
}

#[test]
fn chat_lets_in_its_own_page_and_names_that_fit_on_a_line() {
    let server = serve("chat.lua");
    let status = |path: &str, origin: &str| {
        let mut lines = handshake();
        lines.push(format!("Origin: {origin}"));
        let mut client = Raw::connect(server.port);
        client.send(request(path, &lines.iter().map(String::as_str).collect::<Vec<_>>()));
        client.response().status
    };
    assert_eq!(status("/chat?name=Ada", "http://test"), 101);
    assert_eq!(status("/chat?name=Bob", "http://evil.example"), 403);
    for path in ["/chat", "/chat?name=", "/chat?name=%20", "/chat?name=a%0Ab", "/chat?name=%FF"] {
        assert_eq!(status(path, "http://test"), 400, "{path}");
    }
    assert_eq!(status(&format!("/chat?name={}", "x".repeat(25)), "http://test"), 400);
}

#[test]
fn chat_goes_on_while_a_member_does_not_read_and_drops_that_member() {
    let mut words = command("chat.lua", &[("8080", "0")]);
    words.insert(1, "--write-timeout=1s".to_owned());
    let server = run(&words).serve();
    let mut ada = Member::join(&server, "Ada");
    assert_eq!(ada.hear(), "Ada joined");
    let _deaf = Member::join(&server, "Deaf");
    assert_eq!(ada.hear(), "Deaf joined");
    let text = "x".repeat(2000);
    let mut is_left = false;
    while !is_left {
        ada.say(&text);
        let heard = ada.hear();
        is_left = heard == "Deaf left";
        assert!(is_left || heard == format!("Ada: {text}"), "{heard}");
    }
}

/// The id and the text of the next line of the log.
#[track_caller]
fn next_line(events: &mut Events) -> (String, String) {
    loop {
        let event = events.read().unwrap();
        let field = |name: &str| {
            event
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                .map(str::to_owned)
        };
        match field("event").as_deref() {
            Some("line") => return (field("id").unwrap(), field("data").unwrap()),
            Some("clock") => assert_eq!(field("id"), None),
            _ => {}
        }
    }
}

#[test]
fn sse_clock_gives_those_who_come_back_exactly_the_lines_they_missed() {
    let mut server = serve("sse_clock.lua");
    let append = |line: &str| assert_eq!(send(server.port, "POST", "/log", line).0, 201);
    let mut first = Events::open(server.port, "/events", &[]);
    for line in ["one", "two", "three  \r\n four"] {
        append(line);
    }
    let (_, one) = next_line(&mut first);
    let (id, two) = next_line(&mut first);
    assert_eq!((one.as_str(), two.as_str()), ("one", "two"));
    assert_eq!(next_line(&mut first).1, "three four");
    drop(first);
    append("five");

    let mut back = Events::open(server.port, "/events", &[&format!("Last-Event-ID: {id}")]);
    append("six");
    let missed: Vec<_> = (0..3).map(|_| next_line(&mut back).1).collect();
    assert_eq!(missed, ["three four", "five", "six"]);
    let strangers = ["Last-Event-ID: other-2", "Last-Event-ID: 2", "Last-Event-ID: "];
    for line in strangers {
        assert_eq!(
            next_line(&mut Events::open(server.port, "/events", &[line])).1,
            "one",
            "{line}"
        );
    }
    assert_eq!(server.next_line(), "a listener came");
}

#[test]
fn sse_clock_tells_the_time_and_notices_who_leaves() {
    let mut server = serve("sse_clock.lua");
    let mut events = Events::open(server.port, "/events", &[]);
    assert_eq!(events.head.header("cache-control"), Some("no-cache"));
    let (one, other) = (events.next("data"), events.next("data"));
    assert!(one.len() == 8 && one != other, "{one} {other}");
    drop(events);
    assert_eq!([server.next_line(), server.next_line()], ["a listener came", "a listener left"]);
}

#[test]
fn sse_clock_refuses_what_is_no_line() {
    let server = serve("sse_clock.lua");
    for body in ["", " \n", &"x".repeat(1001)] {
        assert_eq!(send(server.port, "POST", "/log", body).0, 400);
    }
    let mut client = Raw::connect(server.port);
    client.send(b"POST /log HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n\xFF");
    assert_eq!(client.response().status, 400);
}

/// The proxy in front of a server on this port, started with the command of its comment.
fn proxy(upstream: u16) -> Serving {
    let address = format!("127.0.0.1:{upstream}");
    run(&command("sse_proxy.lua", &[("127.0.0.1:9001", &address), ("8080", "0")])).serve()
}

#[test]
fn sse_proxy_passes_each_event_on_before_the_next_one_exists() {
    let clock = serve("sse_clock.lua");
    let server = proxy(clock.port);
    let mut events = Events::open(server.port, "/events", &[]);
    assert_eq!(events.head.header("cache-control"), Some("no-cache"));
    let mut id = String::new();
    for number in 1..=20 {
        let sent = format!("line {number}");
        assert_eq!(send(server.port, "POST", "/log", &sent), (201, format!("{number}\n")));
        let (next_id, text) = next_line(&mut events);
        assert_eq!(text, sent);
        id = next_id;
    }
    drop(events);
    send(server.port, "POST", "/log", "missed");
    let mut back = Events::open(server.port, "/events", &[&format!("Last-Event-ID: {id}")]);
    assert_eq!(next_line(&mut back).1, "missed");
}

#[test]
fn sse_proxy_passes_requests_and_responses_on_as_they_are() {
    let upstream = Upstream::always(
        "HTTP/1.1 201 Created\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nLocation: /x\r\nX-Hop: 1\r\n\
         Connection: x-hop\r\nContent-Length: 4\r\n\r\nbody",
    );
    let server = proxy(upstream.port);
    let mut client = Raw::connect(server.port);
    client.send(
        "PUT /a/b?c=d%20e HTTP/1.1\r\nHost: test\r\nX-One: 1\r\nX-One: 2\r\nX-Private: 1\r\n\
         Connection: keep-alive, x-private\r\nContent-Length: 3\r\n\r\n\0\u{1}\u{2}",
    );
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (201, "body"));
    assert_eq!(response.headers("set-cookie"), ["a=1", "b=2"]);
    assert_eq!((response.header("location"), response.header("x-hop")), (Some("/x"), None));
    let seen = &upstream.seen()[0];
    assert_eq!(seen.line, "PUT /a/b?c=d%20e HTTP/1.1");
    assert_eq!(seen.body, [0, 1, 2]);
    assert_eq!(seen.headers("x-one"), ["1", "2"]);
    assert!(seen.headers("x-private").is_empty());
    assert_eq!(seen.headers("host"), [format!("127.0.0.1:{}", upstream.port)]);
}

#[test]
fn sse_proxy_passes_redirects_and_empty_responses_on() {
    for (status, head) in [
        (302, "302 Found\r\nLocation: /elsewhere"),
        (304, "304 Not Modified"),
        (204, "204 No Content"),
    ] {
        let upstream = Upstream::always(format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n"));
        let server = proxy(upstream.port);
        let response = Raw::connect(server.port).get("/");
        assert_eq!((response.status, response.text().as_str()), (status, ""));
    }
    let upstream = Upstream::always("HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 5\r\n\r\n");
    let server = proxy(upstream.port);
    let mut client = Raw::connect(server.port);
    client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head_response().header("x-one"), Some("1"));
}

#[test]
fn sse_proxy_tells_a_broken_upstream_from_a_missing_one() {
    let nowhere = Upstream::always("nonsense\r\n\r\n");
    let server = proxy(nowhere.port);
    let response = Raw::connect(server.port).get("/");
    assert_eq!((response.status, response.text().as_str()), (502, "the upstream failed\n"));

    let breaking = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        false
    });
    let server = proxy(breaking.port);
    let mut client = Raw::connect(server.port);
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.head().status, 200);
    let (body, is_whole) = client.rest_of_chunks();
    assert_eq!((body.as_slice(), is_whole), (b"half".as_slice(), false));
}

#[test]
fn sse_proxy_ends_its_request_when_the_client_leaves() {
    let (sender, ended) = mpsc::channel();
    let upstream = Upstream::start(move |_, stream| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
        let _ = stream.write_all(head);
        let end = stream.read(&mut [0]);
        let _ = sender.send(matches!(end, Ok(0) | Err(_)));
        false
    });
    let server = proxy(upstream.port);
    let mut events = Events::open(server.port, "/", &[]);
    assert_eq!(events.next("data"), "1");
    drop(events);
    assert!(ended.recv_timeout(tests::GUARD).unwrap());
}

#[test]
fn event_listener_prints_events_across_a_lost_connection_and_ends_after_as_many_as_told() {
    let streams = Streams::new();
    let host = streams.grant().replace("--allow-net=", "");
    let words = command("event_listener.lua", &[("127.0.0.1:8080", &host)]);
    let listener = run(&words);
    let running = std::thread::spawn(move || listener.finish());
    drop(streams.answer(format!("{EVENTS}retry: 1\nid: 7\ndata: one\n\n")));
    let mut second = streams.next();
    assert_eq!(second.request.headers("last-event-id"), ["7"]);
    second.send(format!("{EVENTS}event: \x1b\ndata: a\ndata: b\n\ndata: \n\ndata: not wanted\n\n"));
    second.await_close();
    let said = running.join().unwrap().ok();
    assert_eq!(said, "message 7: one\n? 7: a\n  b\nmessage 7: \n3 events\n");
}

#[test]
fn event_listener_begins_after_the_id_it_is_told_and_ends_when_the_server_says_so() {
    let streams = Streams::new();
    let host = streams.grant().replace("--allow-net=", "");
    let mut words = command("event_listener.lua", &[("127.0.0.1:8080", &host)]);
    words.push("41".to_owned());
    let listener = run(&words);
    let running = std::thread::spawn(move || listener.finish());
    let stream = streams.answer("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(stream.request.headers("last-event-id"), ["41"]);
    assert_eq!(running.join().unwrap().ok(), "0 events\n");
}

#[test]
fn websocket_client_sends_its_lines_and_prints_what_comes() {
    let server = Server::start(|peer| peer.echo());
    let host = server.grant().replace("--allow-net=", "");
    let words = command("websocket_client.lua", &[("127.0.0.1:8080", &host)]);
    let said = run(&words).input("hello\nworld\n").finish().ok();
    assert_eq!(said, "hello\nworld\n2 messages\n");
}

#[test]
fn websocket_client_says_why_the_server_closed() {
    let server = Server::start(|peer| {
        let messages = [peer::frame(peer::TEXT, "a\x1b\nb"), peer::frame(peer::BINARY, [0; 3])];
        peer.send([messages.concat(), peer::close(4000, "late")].concat());
        peer.receive_close();
    });
    let host = server.grant().replace("--allow-net=", "");
    let mut words = command("websocket_client.lua", &[("127.0.0.1:8080", &host)]);
    words.pop();
    let said = run(&words).finish().ok();
    assert_eq!(said, "a?\n  b\n3 bytes\nclosed with 4000 late\n");
    let denied = run(&without_grants(words)).finish().fails_with(1);
    assert!(denied.contains(&format!("(run with --allow-net={host})")), "{denied}");
}
