//! The driver over a pipe whose other end the test holds.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "tests"
)]

mod closing;
mod fuzz;
mod limits;
mod messages;
mod violations;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;
use crate::limits::MAX_BUFFERED_STREAMS;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// What the pipe holds in each direction: as a socket, more than nothing and less than a large message.
const PIPE: usize = 8 * 1024;

/// A time limit that is to pass: nothing depends on how long it really takes.
const SHORT: Duration = Duration::from_millis(20);

const KEY: [u8; 4] = [7, 130, 9, 255];

/// A connection whose script's end and peer are the test.
struct Rig {
    connection: Connection,
    peer: Peer,
    driver: JoinHandle<()>,
}

/// The other end of the pipe.
struct Peer {
    stream: DuplexStream,
    /// What the peer is: it masks if it is a client.
    role: Role,
}

/// As usual, but without limits that could pass while nobody expects it.
fn settings() -> Settings {
    let long = Duration::from_secs(3600);
    Settings {
        ping_period: long,
        close_time: long,
        drain_time: long,
        ..Settings::new(&Limits::default())
    }
}

fn budget() -> Arc<Budget> {
    Budget::new(MAX_BUFFERED_STREAMS)
}

fn ends(settings: Settings) -> (Connection, Pending) {
    pair(settings, budget(), Slots::new(1).try_take().unwrap())
}

/// We are the server.
fn server(settings: Settings) -> Rig {
    rig(Role::Server, settings, budget())
}

fn rig(role: Role, settings: Settings, budget: Arc<Budget>) -> Rig {
    let (connection, pending) = pair(settings, budget, Slots::new(1).try_take().unwrap());
    let (ours, stream) = duplex(PIPE);
    let driver = tokio::spawn(pending.drive(ours, Bytes::new(), role));
    let role = if role == Role::Server { Role::Client } else { Role::Server };
    Rig { connection, peer: Peer { stream, role }, driver }
}

impl Rig {
    /// The script's `conn:read`.
    async fn read(&self) -> Incoming {
        loop {
            if let Some(incoming) = self.connection.take() {
                return incoming;
            }
            self.connection.readable(None).await.unwrap();
        }
    }

    async fn read_text(&self) -> String {
        match self.read().await {
            Incoming::Message(Message { kind: MessageKind::Text, data, .. }) => {
                String::from_utf8(data).unwrap()
            }
            other => panic!("no text but {other:?}"),
        }
    }

    async fn read_code(&self) -> u16 {
        match self.read().await {
            Incoming::Closed(close) => close.code,
            other => panic!("no end but {other:?}"),
        }
    }

    async fn write(&self, text: &str) {
        self.connection.write(MessageKind::Text, text.into()).await.unwrap();
    }
}

impl Peer {
    fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        let masks = self.role == Role::Client;
        let bit = if masks { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(bit | length as u8),
            length @ 126..=0xffff => {
                bytes.push(bit | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(bit | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        if masks {
            bytes.extend(KEY);
        }
        let key = if masks { KEY } else { [0; 4] };
        bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        let bytes = self.frame(first, payload.as_ref());
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn send_close(&mut self, code: u16, reason: &str) {
        self.send(CLOSE, [&code.to_be_bytes()[..], reason.as_bytes()].concat()).await;
    }

    /// The next frame: its first byte and its payload, unmasked.
    async fn receive(&mut self) -> (u8, Vec<u8>) {
        let stream = &mut self.stream;
        let first = stream.read_u8().await.unwrap();
        let second = stream.read_u8().await.unwrap();
        assert_eq!(second & 0x80 != 0, self.role == Role::Server, "clients mask, servers do not");
        let length = match second & 0x7f {
            126 => u64::from(stream.read_u16().await.unwrap()),
            127 => stream.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut key = [0; 4];
        if second & 0x80 != 0 {
            stream.read_exact(&mut key).await.unwrap();
        }
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.unwrap();
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        (first, payload)
    }

    /// The code of the close frame that comes next; 1005 if it has none.
    async fn receive_close(&mut self) -> u16 {
        let (first, payload) = self.receive().await;
        assert_eq!(first, CLOSE, "{payload:?}");
        payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
    }

    /// Nothing more comes.
    async fn receive_end(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }
}
