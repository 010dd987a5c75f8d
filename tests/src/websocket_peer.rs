//! A WebSocket server that does exactly what it is told, right or wrong: the other end of `ws.connect`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, mpsc};
use std::thread;

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::GUARD;
use crate::upstream::{Seen, Upstream};
use crate::websocket::Frame;

/// First bytes of whole frames.
pub const TEXT: u8 = 0x81;
/// Any bytes.
pub const BINARY: u8 = 0x82;
/// The end.
pub const CLOSE: u8 = 0x88;
/// A question whether the other end lives.
pub const PING: u8 = 0x89;
/// The answer.
pub const PONG: u8 = 0x8a;

/// A server whose connections are run by the test's function; what that returns is told to the test.
#[derive(Debug)]
pub struct Server<T> {
    upstream: Upstream,
    results: mpsc::Receiver<thread::Result<T>>,
}

/// One connection after its handshake.
#[derive(Debug)]
pub struct Peer<'a> {
    stream: &'a mut TcpStream,
    /// The request it began with.
    pub request: Seen,
}

impl<T: Send + 'static> Server<T> {
    /// Runs each connection by `talk`; it is closed when that returns.
    pub fn start(talk: impl Fn(&mut Peer<'_>) -> T + Send + Sync + 'static) -> Self {
        Self::answering("", talk)
    }

    /// The same with more header lines in the answer to the handshake, each with its line end.
    pub fn answering(
        lines: &'static str,
        talk: impl Fn(&mut Peer<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        let (sender, results) = mpsc::channel();
        let sender = Mutex::new(sender);
        let upstream = Upstream::start(move |request, stream| {
            let _ = stream.write_all(accept(request, lines).as_bytes());
            let mut peer = Peer { stream, request: request.clone() };
            let result = catch_unwind(AssertUnwindSafe(|| talk(&mut peer)));
            let _ = sender.lock().expect("no thread panicked").send(result);
            false
        });
        Self { upstream, results }
    }

    /// What the next connection to end came to.
    #[track_caller]
    pub fn result(&self) -> T {
        match self.results.recv_timeout(GUARD).expect("a connection ends") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// `ws://127.0.0.1:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.upstream.port)
    }

    /// The flag that grants it.
    pub fn grant(&self) -> String {
        self.upstream.grant()
    }
}

/// The answer to a handshake, with more header lines.
pub fn accept(request: &Seen, lines: &str) -> String {
    let key = request.headers("sec-websocket-key").first().copied().unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
    )
}

/// A frame as a server sends it, with this first byte.
pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let frame = Frame::new(first & 0xf, payload).bits(first & 0x70).unmasked();
    if first & 0x80 == 0 { frame.not_final().bytes() } else { frame.bytes() }
}

/// A close frame.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, [&code.to_be_bytes(), reason.as_bytes()].concat())
}

impl Peer<'_> {
    /// Sends bytes; a client that has closed is no failure.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// The next frame: its first byte and its payload; none if the client closed instead.
    pub fn try_receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        let [first, second] = head;
        assert_eq!(first & 0x70, 0, "reserved bits: {head:x?}");
        assert_ne!(second & 0x80, 0, "a client masks: {head:x?}");
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.exactly())),
            127 => u64::from_be_bytes(self.exactly()),
            length => u64::from(length),
        };
        let key: [u8; 4] = self.exactly();
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload).expect("a whole frame");
        payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        Some((first, payload))
    }

    /// The next frame.
    #[track_caller]
    pub fn receive(&mut self) -> (u8, Vec<u8>) {
        self.try_receive().expect("the client closed instead")
    }

    /// The next frame, which is a text.
    #[track_caller]
    pub fn receive_text(&mut self) -> String {
        let (first, payload) = self.receive();
        assert_eq!(first, TEXT);
        String::from_utf8(payload).expect("texts are UTF-8")
    }

    /// Code and reason of the close frame that comes, whatever comes before it; 1005 if it has no code.
    #[track_caller]
    pub fn receive_close(&mut self) -> (u16, String) {
        loop {
            let (first, payload) = self.receive();
            if first == CLOSE {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                let reason = payload.get(2..).unwrap_or_default();
                return (code, String::from_utf8_lossy(reason).into_owned());
            }
        }
    }

    /// Asserts that the client ends the connection without sending more.
    #[track_caller]
    pub fn receive_end(&mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }

    /// Sends messages back and answers the close frame, to the end.
    pub fn echo(&mut self) {
        while let Some((first, payload)) = self.try_receive() {
            self.send(frame(first, &payload));
            if first == CLOSE {
                return;
            }
        }
    }

    /// The connection itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        self.stream
    }

    fn exactly<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).expect("a whole frame head");
        bytes
    }
}
