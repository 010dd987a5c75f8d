//! Peers that break the protocol, and the close code each gets (RFC 6455, sections 5 and 7.4).

use super::*;

/// A header without a mask whose length is in eight bytes.
fn long(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0x7f][..], &length.to_be_bytes()].concat()
}

/// The same with a mask.
fn long_masked(first: u8, length: u64) -> Vec<u8> {
    [&[first, 0xff][..], &length.to_be_bytes(), &KEY].concat()
}

/// Sends bytes to a connection of ours in this role; gives what the peer and the script see.
async fn codes(role: Role, bytes: &[u8]) -> (u16, u16) {
    let mut rig = rig(role, settings(), budget());
    rig.peer.stream.write_all(bytes).await.unwrap();
    let seen = rig.peer.receive_close().await;
    let code = rig.read_code().await;
    drop(rig.peer);
    rig.driver.await.unwrap();
    (seen, code)
}

#[tokio::test]
async fn each_violation_has_its_code() {
    let client = Peer { stream: duplex(1).0, role: Role::Client };
    let frame = |first: u8, payload: &[u8]| client.frame(first, payload);
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("first reserved bit", frame(0xc1, b"x"), 1002),
        ("second reserved bit", frame(0xa1, b"x"), 1002),
        ("third reserved bit of a ping", frame(0x99, b"x"), 1002),
        ("reserved data opcode", frame(0x83, b"x"), 1002),
        ("reserved control opcode", frame(0x8f, b""), 1002),
        ("no mask", vec![TEXT, 1, b'x'], 1002),
        ("ping in fragments", frame(0x09, b"x"), 1002),
        ("close in fragments", frame(0x08, b""), 1002),
        ("ping with 126 bytes", frame(PING, &[0; 126]), 1002),
        ("ping that says it is huge", long_masked(PING, 1 << 40), 1002),
        ("continuation of nothing", frame(0x80, b"x"), 1002),
        ("text within a message", [frame(0x01, b"a"), frame(TEXT, b"b")].concat(), 1002),
        ("binary within a message", [frame(0x02, b"a"), frame(0x02, b"b")].concat(), 1002),
        ("length with its highest bit", long_masked(BINARY, u64::MAX), 1002),
        ("half a close code", frame(CLOSE, b"\x03"), 1002),
        ("close code 1005", frame(CLOSE, &1005u16.to_be_bytes()), 1002),
        ("close code 999", frame(CLOSE, &999u16.to_be_bytes()), 1002),
        ("close reason that is not UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
        ("text that is not UTF-8", frame(TEXT, b"\xc3\x28"), 1007),
        (
            "text that ends within a character",
            frame(TEXT, "\u{20ac}".as_bytes().split_at(2).0),
            1007,
        ),
        ("surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
        // The message never ends: the first fragment is enough.
        ("fragment that is not UTF-8", frame(0x01, b"a\xff"), 1007),
        ("frame that says it is huge", long_masked(BINARY, 1 << 40), 1009),
        ("frame above the limit", long_masked(0x02, settings().max_frame as u64 + 1), 1009),
    ];
    for (what, bytes, code) in cases {
        assert_eq!(codes(Role::Server, &bytes).await, (code, code), "{what}");
    }
    for (what, bytes, code) in [
        ("mask", client.frame(TEXT, b"x"), 1002),
        ("huge frame", long(BINARY, 1 << 40), 1009),
        ("reserved bit", vec![0xc1, 0], 1002),
    ] {
        assert_eq!(codes(Role::Client, &bytes).await, (code, code), "{what}");
    }
}

#[tokio::test]
async fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let limits = Settings { max_message: 1000, max_frame: 600, ..settings() };
    for (sizes, fits) in
        [(&[600, 400][..], true), (&[600, 401], false), (&[601], false), (&[400, 0, 600], true)]
    {
        let mut rig = server(limits);
        for (i, size) in sizes.iter().enumerate() {
            let last = if i + 1 == sizes.len() { 0x80 } else { 0 };
            let opcode = if i == 0 { 0x02 } else { 0x00 };
            rig.peer.send(last | opcode, vec![0; *size]).await;
        }
        if fits {
            assert!(matches!(rig.read().await, Incoming::Message(m) if m.data.len() == 1000));
        } else {
            assert_eq!(rig.peer.receive_close().await, 1009);
            assert_eq!(rig.read_code().await, 1009);
        }
    }
}

#[tokio::test]
async fn what_came_before_a_violation_is_read_and_nothing_after_it() {
    let mut rig = server(settings());
    rig.peer.send(TEXT, "before").await;
    rig.peer.send(0x8f, "").await;
    rig.peer.send(TEXT, "after").await;
    assert_eq!(rig.peer.receive_close().await, 1002);
    assert_eq!(rig.read_text().await, "before");
    assert_eq!(rig.read_code().await, 1002);
    assert!(rig.connection.is_closed());
}

#[tokio::test]
async fn bytes_one_at_a_time_are_as_good_as_all_at_once() {
    let mut rig = server(settings());
    let bytes = [
        rig.peer.frame(0x01, "\u{20ac}".as_bytes()),
        rig.peer.frame(PING, b"p"),
        rig.peer.frame(0x80, &[b'x'; 300]),
        rig.peer.frame(CLOSE, b"\x0f\xa0bye"),
    ];
    for byte in bytes.concat() {
        rig.peer.stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.read_text().await, format!("\u{20ac}{}", "x".repeat(300)));
    assert_eq!(rig.read_code().await, 4000);
}
