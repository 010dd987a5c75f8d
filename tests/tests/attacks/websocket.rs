//! A hostile WebSocket peer, at either end: row 22.

use std::io::Write;
use std::thread;

use tests::arena::{Arena, scripts};
use tests::client::Raw;
use tests::footprint::{Footprint, peak_kib};
use tests::websocket::{
    BINARY, CLOSE, CONTINUATION, Frame, PING, PONG, WebSocket, handshake, request,
};
use tests::websocket_peer::{self as peer, Peer, Server};

fn arena(flags: &[&str]) -> Arena {
    Arena::of(flags, &scripts().join("sockets.lua"))
}

fn text(text: impl AsRef<[u8]>) -> Frame {
    Frame::text(text)
}

fn continuation(payload: impl AsRef<[u8]>) -> Frame {
    Frame::new(CONTINUATION, payload)
}

/// Sends each list of frames on a connection of its own and asserts the code of the server's close frame, and that
/// another WebSocket is served too.
#[track_caller]
fn assert_closes(arena: &Arena, code: u16, cases: Vec<Vec<Frame>>) {
    let mut witness = WebSocket::open(arena.serving.port, "/echo");
    for frames in cases {
        let heads: Vec<_> = frames.iter().map(Frame::bytes).collect();
        let heads: Vec<_> =
            heads.iter().take(3).map(|bytes| bytes.get(..bytes.len().min(20))).collect();
        println!("sent {heads:02x?}"); // what the harness shows if the test fails
        arena.during(|| {
            let mut socket = WebSocket::open(arena.serving.port, "/echo");
            for frame in &frames {
                socket.send(frame);
            }
            socket.expect_close(code);
        });
        witness.assert_echoes("still served");
    }
}

/// Answer: close 1002. Fails without the checks of `Inbound::check` (opcodes, bits, masks, order, control frames).
#[test]
fn attack_22_frames_that_break_the_protocol() {
    let arena = arena(&[]);
    let mut cases = vec![
        vec![continuation("nothing to continue")],
        vec![continuation("nothing to continue").not_final()],
        vec![text("begun").not_final(), text("another")],
        vec![text("begun").not_final(), Frame::new(BINARY, "another").not_final()],
        vec![text("in the clear").unmasked()],
        vec![text("").unmasked()],
        vec![Frame::new(PING, "in the clear").unmasked()],
        vec![Frame::close(1000, "").unmasked()],
        vec![text("begun").not_final(), continuation("in the clear").unmasked()],
        vec![Frame::new(PING, "begun").not_final(), continuation("and ended")],
        vec![Frame::new(CLOSE, [3])],
    ];
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        cases.push(vec![Frame::new(opcode, "")]);
        cases.push(vec![Frame::new(opcode, "payload")]);
    }
    for bits in [0x40, 0x20, 0x10, 0x70] {
        cases.push(vec![text("compressed?").bits(bits)]);
        cases.push(vec![Frame::new(PING, "").bits(bits)]);
        cases.push(vec![Frame::close(1000, "").bits(bits)]);
        cases.push(vec![text("begun").not_final(), continuation("").bits(bits)]);
    }
    for opcode in [PING, PONG, CLOSE] {
        cases.push(vec![Frame::new(opcode, "").not_final()]);
        let code = 1000_u16.to_be_bytes(); // so that nothing but the length is wrong with a close frame
        cases.push(vec![Frame::new(opcode, [&code, "x".repeat(124).as_bytes()].concat())]);
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        cases.push(vec![Frame::close(code, "")]);
        cases.push(vec![Frame::close(code, "a reason")]);
    }
    assert_closes(&arena, 1002, cases);
    arena.finish(0);
}

/// Answer: close 1007. Fails without the UTF-8 check of `Inbound`.
#[test]
fn attack_22_text_that_is_not_utf_8() {
    let arena = arena(&[]);
    let mut cases: Vec<Vec<Frame>> = [
        b"\xFF".as_slice(),
        b"valid, then \xC3",           // ends inside a character
        b"\xC0\xAF",                   // an overlong slash
        b"\xED\xA0\x80",               // a surrogate
        b"\xF4\x90\x80\x80",           // beyond U+10FFFF
        b"valid, then \x80 and valid", // a continuation byte alone
    ]
    .map(|bytes| vec![text(bytes)])
    .to_vec();
    cases.push(vec![text(b"\xC3").not_final(), continuation(b"\x28")]);
    cases.push(vec![text(b"ok \xE2\x82").not_final(), continuation("")]);
    cases.push(vec![text("").not_final(), continuation(b"\xFE").not_final(), continuation("")]);
    // The reason of a close frame is text too (section 5.5.1).
    cases.push(vec![Frame::close(1000, b"\xFF")]);
    cases.push(vec![Frame::close(4000, b"half \xC3")]);
    assert_closes(&arena, 1007, cases);
    arena.finish(0);
}

/// Answer: close 1009 as soon as a head says too much or a message is too long. Fails with `--max-ws-message=none
/// --max-ws-frame=none`.
#[test]
fn attack_22_frames_and_messages_without_end() {
    let arena = arena(&[]);
    let before = Footprint::of(arena.serving.child.id()).memory_kib;
    let announced = |length| vec![text("").says(length)];
    let piece = "x".repeat(64 * 1024);
    let bomb =
        [vec![text(&piece).not_final()], vec![continuation(&piece).not_final(); 64]].concat();
    let crumbs =
        [vec![text("x").not_final()], vec![continuation("x").not_final(); 1 << 20]].concat();
    let cases = vec![
        vec![text("x".repeat(64 << 20))],
        announced(64 << 20),
        announced(1 << 40),
        announced(i64::MAX as u64),
        bomb,
        crumbs,
    ];
    assert_closes(&arena, 1009, cases);
    let now = Footprint::of(arena.serving.child.id()).memory_kib;
    assert!(now < before + 24 * 1024, "the server grew by {} KiB", now - before);
    arena.finish(0);
}

/// Answer: 200 connections hold no more than what they sent. Fails if room for a frame's announced length
/// is filled at once.
#[test]
fn attack_22_messages_that_never_end() {
    let arena = arena(&[]);
    let before = Footprint::of(arena.serving.child.id()).memory_kib;
    let held: Vec<_> = (0..200)
        .map(|_| {
            let mut socket = WebSocket::open(arena.serving.port, "/echo");
            socket.send(&text("begun").not_final());
            socket.send(&continuation("half").says(1_000_000));
            socket
        })
        .collect();
    arena.during(|| WebSocket::open(arena.serving.port, "/echo").assert_echoes("served"));
    let now = Footprint::of(arena.serving.child.id()).memory_kib;
    assert!(now < before + 200 * 64, "200 connections hold {} KiB", now - before);
    drop(held);
    arena.finish(16 * 1024);
}

/// Answer: pongs for the last pings; no memory. Fails if each ping is answered from a queue.
#[test]
fn attack_22_a_flood_of_pings() {
    let arena = arena(&[]);
    let before = Footprint::of(arena.serving.child.id()).memory_kib;
    let mut witness = WebSocket::open(arena.serving.port, "/echo");
    let mut socket = WebSocket::open(arena.serving.port, "/echo");
    let mut writing = socket.raw().stream().try_clone().expect("it can be cloned");
    let flood = thread::spawn(move || {
        let pings = Frame::new(PING, "p".repeat(125)).bytes().repeat(1000);
        for _ in 0..200 {
            writing.write_all(&pings).expect("it is open");
        }
        writing.write_all(&text("after the flood").bytes()).expect("it is open");
    });
    // Nobody reads the pongs yet, and there are more than the system's buffers hold.
    arena.during(|| {
        for number in 0..50 {
            witness.assert_echoes(&number.to_string());
        }
    });
    let message = loop {
        let frame = socket.frame().expect("a frame");
        if frame.opcode != PONG {
            break frame;
        }
    };
    flood.join().expect("all was sent");
    assert_eq!(message.text(), "after the flood");
    let grown = peak_kib(arena.serving.child.id()).saturating_sub(before);
    assert!(grown < 12 * 1024, "the server grew by {grown} KiB");
    drop((socket, witness));
    arena.finish(0);
}

/// Answer: cut after `--write-timeout`; its writer gets `closed`. Fails with `--write-timeout=none`.
#[test]
fn attack_22_peers_that_never_read() {
    let mut arena = arena(&["--write-timeout=500ms"]);
    let deaf: Vec<_> = (0..16).map(|_| WebSocket::open(arena.serving.port, "/flood")).collect();
    arena.during(|| WebSocket::open(arena.serving.port, "/echo").assert_echoes("served"));
    for _ in &deaf {
        assert_eq!(arena.serving.next_line(), "flood closed");
    }
    for mut socket in deaf {
        socket.raw().rest(); // ends
    }
    arena.finish(8 * 1024);
}

/// Answer: left after 5 s, whether it goes on talking or is silent. Fails if `WS_CLOSE_TIME` is endless.
#[test]
fn attack_22_a_close_without_a_reply() {
    let mut arena = arena(&[]);
    let mut socket = WebSocket::open(arena.serving.port, "/close");
    let close = socket.frame().expect("a close frame");
    assert_eq!((close.opcode, close.code(), close.reason()), (CLOSE, 4000, "enough"));
    // It goes on as if nothing had happened, until the server ends the connection.
    arena.during(|| socket.send(&text("are you there?")));
    socket.raw().expect_closed();
    assert_eq!(arena.serving.next_line(), "closed true");
    drop(socket);
    arena.finish(0);
}

/// Answer: 101 without an extension; a frame that is compressed all the same is 1002. Fails if extensions were echoed.
#[test]
fn attack_22_compression_is_offered() {
    let arena = arena(&[]);
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-webkit-deflate-frame";
    arena.during(|| {
        let (mut socket, answer) = WebSocket::open_with(arena.serving.port, "/echo", &[offer]);
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        socket.send(&text([0xaa, 0x00]).bits(0x40));
        socket.expect_close(1002);
    });
    arena.finish(0);
}

/// Answer: 400 or 426 and no upgrade. Fails without `examine` in `upgrade.rs`.
#[test]
fn attack_22_handshakes_that_are_none() {
    let arena = arena(&[]);
    let good = handshake();
    for (from, to) in [
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13, 8"),
        ("Sec-WebSocket-Key:", "Sec-WebSocket-Key: AAAA\r\nX:"),
        ("Sec-WebSocket-Key:", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\nX:"),
        ("Sec-WebSocket-Key:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key:"),
    ] {
        let lines: Vec<String> = good.iter().map(|line| line.replace(from, to)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker.send(request("/echo", &lines));
            let answer = attacker.response();
            assert!([400, 426].contains(&answer.status), "{to}: {}", answer.status);
            assert_eq!(answer.header("sec-websocket-accept"), None, "{to}");
        });
    }
    arena.finish(0);
}

/// What a script in the arena says about a server that talks so, and what that server came to.
fn connected<T: Send + 'static>(server: &Server<T>, flags: &[&str]) -> (String, T) {
    let grant = server.grant();
    let arena = Arena::new(&[&[grant.as_str()], flags].concat());
    let answer = arena.attack(&format!("connect?url={}", server.url("/"))).expect("an answer");
    let result = server.result();
    arena.finish(8 * 1024);
    (answer.text(), result)
}

/// Answer: the script's connection is closed with the code of the violation. Fails without the checks of `Inbound`.
#[test]
fn attack_22_a_server_that_breaks_the_protocol() {
    let masked = vec![0x81, 0x81, 1, 2, 3, 4, b'x' ^ 1];
    let huge = |first: u8| [&[first, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
    fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
        peer::frame(first, payload)
    }
    let crumbs = [frame(0x01, "x"), frame(0x00, "x").repeat(1 << 20)].concat();
    for (what, bytes, code) in [
        ("reserved bit", frame(0xc1, "x"), 1002),
        ("reserved opcode", frame(0x83, "x"), 1002),
        ("reserved control opcode", frame(0x8b, ""), 1002),
        ("masked frame", masked, 1002),
        ("ping in fragments", frame(0x09, "x"), 1002),
        ("ping with 126 bytes", frame(peer::PING, [0; 126]), 1002),
        ("continuation of nothing", frame(0x80, "x"), 1002),
        ("message within a message", [frame(0x01, "a"), frame(peer::TEXT, "b")].concat(), 1002),
        ("half a close code", frame(peer::CLOSE, [3]), 1002),
        ("close code that may not be sent", peer::close(1006, ""), 1002),
        ("text that is not UTF-8", frame(peer::TEXT, [0xff]), 1007),
        (
            "text that is not UTF-8 across fragments",
            [frame(0x01, [0xe2]), frame(0x80, [0x28])].concat(),
            1007,
        ),
        ("close reason that is not UTF-8", frame(peer::CLOSE, [3, 0xe8, 0xff]), 1007),
        ("huge frame", huge(peer::BINARY), 1009),
        ("huge ping", huge(peer::PING), 1002),
        ("64 MiB", frame(peer::BINARY, vec![0; 64 << 20]), 1009),
        ("fragments without end", crumbs, 1009),
    ] {
        let server = Server::start(move |peer: &mut Peer<'_>| {
            peer.send(peer::frame(peer::TEXT, "before"));
            peer.send(&bytes);
            peer.receive_close().0
        });
        let (said, closed) = connected(&server, &[]);
        assert_eq!((said.as_str(), closed), (format!("6 {code}").as_str(), code), "{what}");
    }
}

/// Answer: it is bounded, and the script's other tasks go on. Fails if pongs are queued.
#[test]
fn attack_22_a_server_that_floods_with_pings() {
    let server = Server::start(|peer: &mut Peer<'_>| {
        let pings = peer::frame(peer::PING, [b'p'; 125]).repeat(1000);
        for _ in 0..200 {
            peer.send(&pings);
        }
        peer.send([peer::frame(peer::TEXT, "end"), peer::close(1000, "")].concat());
        let mut pongs = 0;
        loop {
            match peer.receive() {
                (peer::PONG, _) => pongs += 1,
                (peer::CLOSE, _) => return pongs,
                frame => panic!("{frame:?}"),
            }
        }
    });
    let (said, pongs) = connected(&server, &[]);
    assert_eq!(said, "3 1000");
    assert!(pongs < 200_000);
}

/// Answer: a server that vanishes or never closes is 1006. Fails if the end of the connection goes unnoticed.
#[test]
fn attack_22_a_server_that_vanishes() {
    let server = Server::start(|peer: &mut Peer<'_>| peer.send(peer::frame(peer::TEXT, "x")));
    assert_eq!(connected(&server, &[]).0, "1 1006");
    let server = Server::start(|peer: &mut Peer<'_>| peer.send([0x81, 0x7e, 0xff, 0xff, b'x']));
    assert_eq!(connected(&server, &[]).0, " 1006");
}
