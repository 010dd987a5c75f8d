//! Clients that break RFC 6455, against the WebSocket server: the close code each gets, what the script sees of
//! it, and that everybody else is served as before. More of them in `attacks/websocket.rs`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::Shutdown;

use tests::client::Raw;
use tests::run::Serving;
use tests::websocket::{
    BINARY, CLOSE, CONTINUATION, Frame, KEY, PING, PONG, TEXT, WebSocket, handshake, request,
};

/// `/echo` sends messages back and prints why it ended, `/hear` prints them too, `/flood` writes until it cannot.
const ROUTES: &str = r#"{ ANY = {
    ["/echo"] = function()
        return { ws = function(conn)
            while true do
                local message, kind = conn:read()
                if not message then break end
                pcall(conn.write, conn, message, { binary = kind == "binary" })
            end
            print("ended " .. conn.close_code)
        end }
    end,
    ["/hear"] = function()
        return { ws = function(conn)
            for message in conn:messages() do print("heard " .. message) end
            print("ended " .. conn.close_code)
        end }
    end,
    ["/flood"] = function()
        return { ws = function(conn)
            local piece, failure = ("x"):rep(60000), nil
            repeat
                local ok, problem = pcall(conn.write, conn, piece)
                failure = problem
            until not ok
            print("flood " .. failure.kind)
        end }
    end,
} }"#;

fn serve(flags: &[&str]) -> Serving {
    Serving::routes(flags, "", ROUTES)
}

/// Sends each list of frames on a connection of its own and asserts the code of the server's close frame,
/// the code the script saw, that the connection ended, and that others are served.
#[track_caller]
fn assert_closes(server: &mut Serving, code: u16, cases: Vec<Vec<Frame>>) {
    let mut witness = WebSocket::open(server.port, "/echo");
    for frames in cases {
        let mut socket = WebSocket::open(server.port, "/echo");
        for frame in &frames {
            socket.send(frame);
        }
        let heads: Vec<_> = frames.iter().map(|frame| frame.bytes()).collect();
        let heads: Vec<_> = heads.iter().map(|bytes| bytes.get(..bytes.len().min(20))).collect();
        println!("sent {heads:02x?}"); // what the harness shows if the test fails
        socket.expect_close(code);
        assert_eq!(server.next_line(), format!("ended {code}"));
        witness.assert_echoes("still served");
    }
    WebSocket::open(server.port, "/echo").assert_echoes("served anew");
}

fn text(text: impl AsRef<[u8]>) -> Frame {
    Frame::text(text)
}

fn continuation(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(CONTINUATION, payload)
}

#[test]
fn fragments_make_a_message_whatever_stands_between_them() {
    let server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/echo");
    socket.send(&text("gr").not_final());
    socket.send(&continuation(b"\xC3").not_final()); // half of an ü
    socket.send(&Frame::new(PING, "between"));
    socket.send(&continuation(b"\xBC\xC3\x9F").not_final());
    socket.send(&continuation("").not_final());
    socket.send(&continuation("e"));
    let pong = socket.frame().unwrap();
    assert_eq!((pong.opcode, pong.text()), (PONG, "between"));
    let message = socket.message();
    assert_eq!((message.opcode, message.text()), (TEXT, "grüße"));
    socket.send(&Frame::new(BINARY, b"\xFF").not_final());
    socket.send(&continuation(b"\x00"));
    let message = socket.message();
    assert_eq!((message.opcode, message.payload.as_slice()), (BINARY, b"\xFF\x00".as_slice()));
}

#[test]
fn a_frame_may_come_byte_by_byte() {
    let server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/echo");
    let frames = [text("x".repeat(300)).bytes(), Frame::new(PING, "p").bytes()].concat();
    for byte in frames {
        socket.raw().send([byte]);
    }
    // The host answers the ping, the script the text: either may be first.
    let mut answers = [socket.frame().unwrap(), socket.frame().unwrap()];
    answers.sort_by_key(|frame| frame.opcode);
    assert_eq!(answers.map(|frame| frame.opcode), [TEXT, PONG]);
}

#[test]
fn control_frames_in_fragments_or_beyond_125_bytes_are_protocol_errors() {
    let mut cases = Vec::new();
    for opcode in [PING, PONG, CLOSE] {
        cases.push(vec![Frame::new(opcode, "").not_final()]);
        let code = 1000_u16.to_be_bytes(); // so that nothing but the length is wrong with a close frame
        cases.push(vec![Frame::new(opcode, [&code, "x".repeat(124).as_bytes()].concat())]);
    }
    cases.push(vec![Frame::new(PING, "begun").not_final(), continuation("and ended")]);
    assert_closes(&mut serve(&[]), 1002, cases);
    let server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/echo");
    socket.send(&Frame::new(PING, "p".repeat(125)));
    assert_eq!(socket.frame().unwrap().payload.len(), 125);
}

#[test]
fn every_code_a_client_may_send_is_answered_and_seen_by_the_script() {
    let mut server = serve(&[]);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let mut socket = WebSocket::open(server.port, "/echo");
        socket.send(&Frame::close(code, "r".repeat(123)));
        let answer = socket.frame().unwrap();
        assert_eq!((answer.opcode, answer.code()), (CLOSE, code));
        socket.raw().expect_closed();
        assert_eq!(server.next_line(), format!("ended {code}"));
    }
    // Without a code the script sees 1005, and the answer carries none that could not be sent.
    let mut socket = WebSocket::open(server.port, "/echo");
    socket.send(&Frame::new(CLOSE, ""));
    let answer = socket.frame().unwrap();
    assert!(matches!(answer.code(), 1000 | 1005), "{answer:?}");
    socket.raw().expect_closed();
    assert_eq!(server.next_line(), "ended 1005");
}

#[test]
fn messages_and_frames_beyond_their_limits_are_1009() {
    let flags = ["--max-ws-message=4KiB", "--max-ws-frame=1KiB"];
    let piece = "x".repeat(1024);
    let whole = vec![
        text(&piece).not_final(),
        continuation(&piece).not_final(),
        continuation(&piece).not_final(),
    ];
    let too_long =
        [whole.clone(), vec![continuation(&piece).not_final(), continuation("x")]].concat();
    // Refused when its head says its length, before there is a payload.
    let announced = |length| vec![text("").says(length)];
    let crumbs = [vec![text("x").not_final()], vec![continuation("x").not_final(); 4096]].concat();
    let cases = vec![
        vec![text("x".repeat(1025))],
        vec![Frame::new(BINARY, "x".repeat(1025))],
        too_long,
        announced(1 << 20),
        announced(1 << 40),
        announced(i64::MAX as u64),
        crumbs,
    ];
    let mut server = serve(&flags);
    assert_closes(&mut server, 1009, cases);
    let mut socket = WebSocket::open(server.port, "/echo");
    for frame in [whole, vec![continuation(&piece)]].concat() {
        socket.send(&frame);
    }
    assert_eq!(socket.message().payload.len(), 4096);
}

#[test]
fn a_length_with_its_highest_bit_set_ends_the_connection() {
    let mut server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/echo");
    socket.send(&text("").says(u64::MAX));
    let close = socket.frame().unwrap();
    // Section 5.2 forbids it, and it is too much as well.
    assert!(close.opcode == CLOSE && matches!(close.code(), 1002 | 1009), "{close:?}");
    assert_eq!(server.next_line(), format!("ended {}", close.code()));
}

#[test]
fn the_close_frame_arrives_although_more_is_being_sent() {
    let mut server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/echo");
    // What the server leaves unread must not become a reset that overtakes its close frame.
    let bad_then_more =
        [text(b"\xFF").bytes(), text("x".repeat(100_000)).bytes().repeat(3)].concat();
    socket.raw().send(bad_then_more);
    socket.expect_close(1007);
    assert_eq!(server.next_line(), "ended 1007");
}

#[test]
fn nothing_is_read_after_a_close_frame() {
    let mut server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/hear");
    let late =
        [text("before").bytes(), Frame::close(4001, "").bytes(), text("late").bytes()].concat();
    socket.raw().send(late);
    assert_eq!(socket.expect_close(4001), "");
    assert_eq!([server.next_line(), server.next_line()], ["heard before", "ended 4001"]);
}

#[test]
fn a_client_that_closes_and_does_not_wait_has_closed() {
    let mut server = serve(&[]);
    let mut socket = WebSocket::open(server.port, "/echo");
    socket.send(&Frame::close(4002, "in a hurry"));
    drop(socket);
    assert_eq!(server.next_line(), "ended 4002");
    WebSocket::open(server.port, "/echo").assert_echoes("served anew");
}

#[test]
fn a_connection_that_ends_without_a_close_frame_is_1006() {
    let mut server = serve(&[]);
    let mut half = WebSocket::open(server.port, "/echo");
    half.raw().stream().shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.next_line(), "ended 1006");
    half.raw().rest(); // ends: the server does not keep half a connection

    drop(WebSocket::open(server.port, "/echo"));
    assert_eq!(server.next_line(), "ended 1006");

    let mut inside_a_frame = WebSocket::open(server.port, "/echo");
    inside_a_frame.send(&text("half").says(1000));
    drop(inside_a_frame);
    assert_eq!(server.next_line(), "ended 1006");
}

#[test]
fn a_client_that_never_reads_keeps_only_its_own_writer_waiting() {
    let mut server = serve(&[]);
    let mut witness = WebSocket::open(server.port, "/echo");
    witness.assert_echoes("warm");
    let before = peak_kib(&server);
    let deaf: Vec<_> = (0..8).map(|_| WebSocket::open(server.port, "/flood")).collect();
    for number in 0..500 {
        witness.assert_echoes(&number.to_string());
    }
    let grown = peak_kib(&server) - before;
    assert!(grown < 16 * 1024, "the server grew by {grown} KiB");
    let count = deaf.len();
    drop(deaf);
    for _ in 0..count {
        assert_eq!(server.next_line(), "flood closed");
    }
}

/// Replaces the handshake's line that begins so; an empty replacement leaves it out.
fn handshake_with(name: &str, replacement: &str) -> String {
    let mut lines = handshake();
    let line = lines.iter_mut().find(|line| line.starts_with(name)).unwrap();
    *line = replacement.to_owned();
    lines.retain(|line| !line.is_empty());
    request("/echo", &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[track_caller]
fn assert_rejected(server: &Serving, request: &str, status: u16) {
    let mut client = Raw::connect(server.port);
    client.send(request);
    let response = client.response();
    assert_eq!(response.status, status, "{request}{}", response.text());
    let text = response.text();
    assert!(text.starts_with("websocket upgrade rejected: "), "{request}{text}");
    assert_eq!(response.header("sec-websocket-accept"), None, "{request}");
    if status == 426 {
        assert_eq!(response.header("sec-websocket-version"), Some("13"), "{request}");
        // RFC 9110, section 15.5.22: it says to what.
        assert_eq!(response.header("upgrade"), Some("websocket"), "{request}");
    }
}

#[test]
fn a_bad_handshake_is_answered_400() {
    let server = serve(&[]);
    let good = handshake_with("Upgrade", "Upgrade: websocket");
    for request in [
        good.replace("GET /", "POST /"),
        good.replace("GET /", "PUT /"),
        good.replace("HTTP/1.1", "HTTP/1.0"),
        handshake_with("Connection", ""),
        handshake_with("Connection", "Connection: keep-alive"),
        handshake_with("Connection", "Connection: upgraded"),
        handshake_with("Sec-WebSocket-Key", ""),
        handshake_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: "),
        handshake_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ="),
        handshake_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), // 17 bytes
        handshake_with("Sec-WebSocket-Key", "Sec-WebSocket-Key: not base64 at all!!!"),
        handshake_with(
            "Sec-WebSocket-Key",
            &format!("Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}"),
        ),
    ] {
        assert_rejected(&server, &request, 400);
    }
    WebSocket::open(server.port, "/echo").assert_echoes("served");
}

#[test]
fn another_version_or_no_upgrade_is_answered_426() {
    let server = serve(&[]);
    for request in [
        handshake_with("Upgrade", ""),
        handshake_with("Upgrade", "Upgrade: h2c"),
        handshake_with("Upgrade", "Upgrade: websockets"),
        handshake_with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"),
        handshake_with("Sec-WebSocket-Version", "Sec-WebSocket-Version: 14"),
        handshake_with("Sec-WebSocket-Version", ""),
        "GET /echo HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(),
    ] {
        assert_rejected(&server, &request, 426);
    }
    WebSocket::open(server.port, "/echo").assert_echoes("served");
}

#[test]
fn tokens_of_a_handshake_may_stand_in_lists_and_in_any_case() {
    let server = serve(&[]);
    for request in [
        handshake_with("Upgrade", "upgrade: WebSocket"),
        handshake_with("Connection", "connection: keep-alive, UPGRADE"),
        handshake_with("Connection", "Connection: keep-alive\r\nConnection: Upgrade"),
        handshake_with("Upgrade", "Upgrade: other/1, websocket"),
    ] {
        let mut client = Raw::connect(server.port);
        client.send(&request);
        assert_eq!(client.response().status, 101, "{request}");
    }
}

/// The most memory the process ever had, in KiB.
fn peak_kib(server: &Serving) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
