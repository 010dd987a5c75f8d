//! Servers that break RFC 6455 under `ws.connect`: the close code they get, and what the script sees.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use tests::run::Run;
use tests::websocket_peer::{BINARY, CLOSE, PING, PONG, Peer, Server, TEXT, close, frame};

/// Reads to the end and prints it.
const READ: &str = "local conn = ws.connect((...))
    for message in conn:messages() do print(#message) end
    print(conn.close_code)";

/// Runs a script that is given the server's URL and may connect to it; gives what it printed.
#[track_caller]
fn run<T: Send + 'static>(server: &Server<T>, flags: &[&str], script: &str) -> String {
    let grant = server.grant();
    Run::script(&[&[grant.as_str()], flags].concat(), script).args([server.url("/")]).finish().ok()
}

/// Sends bytes after the handshake; gives the code of the close frame that comes back.
fn sends(bytes: Vec<u8>) -> Server<u16> {
    Server::start(move |peer| {
        peer.send(&bytes);
        let (code, _) = peer.receive_close();
        peer.receive_end();
        code
    })
}

#[track_caller]
fn assert_code(what: &str, flags: &[&str], bytes: Vec<u8>, code: u16) {
    let server = sends(bytes);
    assert_eq!(run(&server, flags, READ), format!("6\n{code}\n"), "{what}");
    assert_eq!(server.result(), code, "{what}");
}

#[test]
fn each_violation_is_answered_with_its_code() {
    let masked = vec![0x81, 0x81, 1, 2, 3, 4, b'x' ^ 1];
    let huge = |first: u8| [&[first, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("reserved bit", frame(0xc1, "x"), 1002),
        ("reserved opcode", frame(0x83, "x"), 1002),
        ("reserved control opcode", frame(0x8b, ""), 1002),
        ("masked frame", masked, 1002),
        ("ping in fragments", frame(0x09, "x"), 1002),
        ("ping with 126 bytes", frame(PING, [0; 126]), 1002),
        ("continuation of nothing", frame(0x80, "x"), 1002),
        ("message within a message", [frame(0x01, "a"), frame(TEXT, "b")].concat(), 1002),
        ("half a close code", frame(CLOSE, [3]), 1002),
        ("close code that may not be sent", close(1006, ""), 1002),
        ("text that is not UTF-8", frame(TEXT, [0xff]), 1007),
        ("close reason that is not UTF-8", frame(CLOSE, [3, 0xe8, 0xff]), 1007),
        ("huge frame", huge(BINARY), 1009),
        ("huge ping", huge(PING), 1002),
    ];
    for (what, bytes, code) in cases {
        assert_code(what, &[], [frame(TEXT, "before"), bytes].concat(), code);
    }
}

#[test]
fn messages_and_frames_may_be_as_large_as_the_operator_says() {
    let before = || frame(TEXT, "before");
    let flags = ["--max-ws-message=1000", "--max-ws-frame=600"];
    for (what, bytes) in [
        ("frame", frame(BINARY, [0; 601])),
        ("message", [frame(0x02, [0; 600]), frame(0x80, [0; 401])].concat()),
    ] {
        assert_code(what, &flags, [before(), bytes].concat(), 1009);
    }
    let fits = [frame(0x02, [0; 600]), frame(0x80, [0; 400]), close(1000, "")].concat();
    let server = sends(fits);
    let output = run(&server, &flags, READ);
    assert_eq!((output.as_str(), server.result()), ("1000\n1000\n", 1000));
    let server = Server::start(|peer| peer.echo());
    let script = "local conn = ws.connect((...))
        local ok, failure = pcall(conn.write, conn, ('x'):rep(1001))
        print(failure.kind, failure)
        conn:write(('x'):rep(600))
        print(#conn:read())";
    assert_eq!(
        run(&server, &flags, script),
        "too_large\tconn:write: the message has 1001 bytes, more than 1000 (raise --max-ws-message)\n600\n"
    );
}

#[test]
fn a_flood_of_pings_or_fragments_is_bounded_and_delays_nobody() {
    let flood = |peer: &mut Peer<'_>| {
        let pings = frame(PING, [b'p'; 125]).repeat(1000);
        let fragments = frame(0x00, "").repeat(1000);
        peer.send(frame(0x02, ""));
        for _ in 0..300 {
            peer.send(&pings);
            peer.send(&fragments);
        }
        peer.send([frame(0x80, "end"), frame(PING, "last"), close(1000, "")].concat());
        let mut pongs = 0;
        loop {
            match peer.receive() {
                (PONG, _) => pongs += 1,
                (CLOSE, _) => return pongs,
                frame => panic!("{frame:?}"),
            }
        }
    };
    let server = Server::start(flood);
    // While it comes, the script's other tasks go on: they count in turns with the event loop.
    let script = "local conn = ws.connect((...))
        local turns = 0
        local other = async.spawn(function() while not conn:is_closed() do sleep(0) turns = turns + 1 end end)
        for message in conn:messages() do print(message) end
        other:await()
        print(conn.close_code, turns > 10)";
    let output = run(&server, &["--max-memory=32MiB"], script);
    assert_eq!(output, "end\n1000\ttrue\n");
    assert!(server.result() < 300_000);
}

#[test]
fn a_peer_that_is_held_back_by_a_script_that_does_not_read_loses_nothing() {
    let server = Server::start(|peer| {
        let message = frame(BINARY, [7; 10_000]);
        for _ in 0..2000 {
            peer.send(&message);
        }
        peer.send(close(1000, ""));
        peer.receive_close().0
    });
    let script = "local conn = ws.connect((...))
        sleep(0.2)  -- meanwhile TCP fills
        local count = 0
        for message in conn:messages() do count = count + #message end
        print(count, conn.close_code)";
    let output = run(&server, &["--max-memory=16MiB"], script);
    assert_eq!((output.as_str(), server.result()), ("20000000\t1000\n", 1000));
}

#[test]
fn a_silent_connection_is_closed_after_the_idle_time() {
    let server = Server::start(|peer| {
        let received = peer.receive_close();
        peer.send(close(received.0, ""));
        received
    });
    assert_eq!(run(&server, &["--ws-idle-timeout=100ms"], READ), "1001\n");
    assert_eq!(server.result(), (1001, "no message for too long".to_owned()));
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_after_the_write_time() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::start(move |_| held.lock().unwrap().recv().is_err());
    let script = "local conn = ws.connect((...))
        local piece = ('x'):rep(250000)
        local ok, failure
        repeat ok, failure = pcall(conn.write, conn, piece) until not ok
        print(failure.kind, conn:read(), conn.close_code)";
    assert_eq!(run(&server, &["--write-timeout=200ms"], script), "closed\tnil\t1006\n");
    drop(hold);
}
