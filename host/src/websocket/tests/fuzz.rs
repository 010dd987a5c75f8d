//! Random peers.

use std::io::{Cursor, Read, Write};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};
use tokio_tungstenite::tungstenite::protocol::{Role as TheirRole, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as TheirMessage};

use super::*;
use crate::fuzz::{Random, rounds};

/// Limits that random frames meet often.
const MAX_MESSAGE: usize = 3000;
const MAX_FRAME: usize = 1000;

fn settings() -> Settings {
    Settings {
        max_message: MAX_MESSAGE,
        max_frame: MAX_FRAME,
        close_time: SHORT,
        drain_time: SHORT,
        ..super::settings()
    }
}

/// What a peer in this role might send: mostly frames that are nearly right.
fn stream(random: &mut Random, role: Role) -> Vec<u8> {
    let mut bytes = Vec::new();
    let peer = Peer { stream: duplex(1).0, role };
    let mut fragmented = false;
    for _ in 0..random.below(40) {
        let opcode = match random.below(12) {
            0 => 0x9,
            1 => 0xa,
            2 => 0x8,
            3 => random.below(16) as u8,
            _ if fragmented => 0x0,
            _ => 1 + random.below(2) as u8,
        };
        let is_final = opcode >= 8 || random.one_in(3);
        if opcode < 8 {
            fragmented = !is_final;
        }
        let length = match random.below(8) {
            0 => random.below(MAX_FRAME + 10),
            1 => random.below(200),
            2 if opcode == 8 => 2,
            _ => random.below(20),
        };
        let mut payload: Vec<u8> = match random.below(4) {
            0 => (0..length).map(|_| random.next() as u8).collect(),
            1 => "\u{20ac}uro ".bytes().cycle().take(length).collect(),
            _ => vec![b'a'; length],
        };
        if opcode == 8 && length >= 2 {
            payload[..2].copy_from_slice(&(900 + random.below(4200) as u16).to_be_bytes());
        }
        let mut frame = peer.frame(opcode | if is_final { 0x80 } else { 0 }, &payload);
        if random.one_in(30) {
            let at = random.below(frame.len());
            frame[at] ^= 1 << random.below(8);
        }
        if random.one_in(60) {
            frame.truncate(random.below(frame.len()));
        }
        bytes.extend(frame);
    }
    bytes
}

/// Takes every message of a stream by the library's own reading of the protocol.
fn theirs(bytes: &[u8], role: Role) -> Vec<(MessageKind, Vec<u8>)> {
    struct Pipe(Cursor<Vec<u8>>);
    impl Read for Pipe {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            Read::read(&mut self.0, into)
        }
    }
    impl Write for Pipe {
        fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
            Ok(from.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let role = if role == Role::Server { TheirRole::Server } else { TheirRole::Client };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_FRAME));
    let pipe = Pipe(Cursor::new(bytes.to_vec()));
    let mut socket = WebSocket::from_raw_socket(pipe, role, Some(config));
    let mut messages = Vec::new();
    let _end: tungstenite::Error = loop {
        match socket.read() {
            Ok(TheirMessage::Text(text)) => {
                messages.push((MessageKind::Text, text.as_bytes().to_vec()));
            }
            Ok(TheirMessage::Binary(data)) => messages.push((MessageKind::Binary, data.to_vec())),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    messages
}

/// Asserts that bytes of ours are frames; the last may be cut if the connection was lost.
fn assert_frames(mut bytes: &[u8], role: Role) {
    while let [first, second, rest @ ..] = bytes {
        assert!(first & 0x70 == 0 && first & 0x80 != 0, "{first:#x}");
        assert!(matches!(first & 0xf, 1 | 2 | 8..=10), "{first:#x}");
        assert_eq!(second & 0x80 != 0, role == Role::Client);
        let (length, extra) = match second & 0x7f {
            126 => (rest.first_chunk::<2>().map(|n| u64::from(u16::from_be_bytes(*n))), 2),
            127 => (rest.first_chunk::<8>().map(|n| u64::from_be_bytes(*n)), 8),
            length => (Some(u64::from(length)), 0),
        };
        let Some(length) = length else { return };
        let mask = if role == Role::Client { 4 } else { 0 };
        bytes = rest.get(extra + mask + length as usize..).unwrap_or_default();
        assert!(first & 0xf != 8 || bytes.is_empty(), "something follows a close frame");
    }
}

/// Sends `bytes` in random pieces and takes everything that comes, to the end.
async fn feed(pipe: DuplexStream, bytes: Vec<u8>, mut random: Random) -> Vec<u8> {
    let (mut reader, mut writer) = split(pipe);
    let sending = async move {
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            let (piece, rest) = left.split_at(left.len().min(1 + random.below(300)));
            left = rest;
            if writer.write_all(piece).await.is_err() {
                return;
            }
            if random.one_in(4) {
                tokio::task::yield_now().await;
            }
        }
        let _ = writer.shutdown().await;
    };
    let mut answer = Vec::new();
    let reading = reader.read_to_end(&mut answer);
    let _ = tokio::join!(sending, reading);
    answer
}

/// A script that only reads gets the messages the library would have given it.
async fn reading_round(mut random: Random) {
    let role = if random.one_in(2) { Role::Server } else { Role::Client };
    let budget = budget();
    let rig = rig(role, settings(), Arc::clone(&budget));
    let bytes = stream(&mut random, rig.peer.role);
    let expected = theirs(&bytes, role);
    let peer = tokio::spawn(feed(rig.peer.stream, bytes, random));
    let mut messages = Vec::new();
    let close = loop {
        rig.connection.readable(None).await.unwrap();
        assert!(budget.held() <= 64 * 1024 + 3 * MAX_MESSAGE, "{} bytes held", budget.held());
        match rig.connection.take().unwrap() {
            Incoming::Message(message) => messages.push((message.kind, message.data)),
            Incoming::Closed(close) => break close,
        }
    };
    assert_eq!(messages, expected);
    assert!(close.reason.len() <= 123);
    rig.driver.await.unwrap();
    drop(rig.connection);
    assert_frames(&peer.await.unwrap(), role);
    assert_eq!(budget.held(), 0);
}

/// A script that does anything at any time neither panics nor hangs nor leaks.
async fn wild_round(mut random: Random) {
    let role = if random.one_in(2) { Role::Server } else { Role::Client };
    let budget = budget();
    let rig = rig(role, settings(), Arc::clone(&budget));
    let bytes = stream(&mut random, rig.peer.role);
    let peer = tokio::spawn(feed(rig.peer.stream, bytes, Random::new(random.next())));
    let mut writes = Vec::new();
    for _ in 0..random.below(30) {
        match random.below(8) {
            0 => rig.connection.begin_close(random.next() as u16, "because"),
            1..=3 => {
                let data = vec![b'x'; random.below(MAX_MESSAGE + 10)];
                let kind = if random.one_in(2) { MessageKind::Text } else { MessageKind::Binary };
                writes.push(tokio::spawn(rig.connection.write(kind, data)));
            }
            4..=5 => drop(rig.connection.take()),
            _ => tokio::task::yield_now().await,
        }
    }
    if random.one_in(3) {
        rig.connection.close(Close::new(1000, "")).await;
    }
    drop(rig.connection);
    rig.driver.await.unwrap();
    for write in writes {
        let _ = write.await.unwrap();
    }
    assert_frames(&peer.await.unwrap(), role);
    assert_eq!(budget.held(), 0);
}

fn round(mut random: Random) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let round = async {
        if random.one_in(2) { reading_round(random).await } else { wild_round(random).await }
    };
    runtime.block_on(async {
        let guarded = tokio::time::timeout(Duration::from_secs(60), round);
        guarded.await.expect("the round ends");
    });
}

#[test]
fn fuzz_random_peers() {
    rounds(500, round);
}
