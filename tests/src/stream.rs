//! A server that a script calls and whose answers the test writes piece by piece.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, mpsc};

use crate::GUARD;
use crate::upstream::{Seen, Upstream};

/// The head of an event stream that ends with its connection.
pub const EVENTS: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// The head of an event stream in chunks.
pub const CHUNKED_EVENTS: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// These bytes as one chunk.
pub fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Reads a request without a body.
pub fn read_head(socket: &mut TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).expect("the request is complete");
        head.extend(byte);
    }
}

/// The server; each request it gets becomes a [`Stream`].
#[derive(Debug)]
pub struct Streams {
    upstream: Upstream,
    opened: mpsc::Receiver<Stream>,
}

/// A request and the connection it came on, which closes when this is dropped.
#[derive(Debug)]
pub struct Stream {
    /// What was asked.
    pub request: Seen,
    socket: TcpStream,
    _open: mpsc::Sender<()>,
}

impl Streams {
    /// A server without requests yet.
    #[expect(clippy::new_without_default, reason = "starting a server is an act")]
    pub fn new() -> Self {
        let (open, opened) = mpsc::channel();
        let open = Mutex::new(open);
        let upstream = Upstream::start(move |request, socket| {
            let (hold, held) = mpsc::channel();
            let socket = socket.try_clone().expect("a socket can be cloned");
            socket.set_nodelay(true).expect("it can be set");
            socket.set_read_timeout(Some(GUARD)).expect("a timeout can be set");
            let stream = Stream { request: request.clone(), socket, _open: hold };
            let _ = open.lock().expect("no thread panicked").send(stream);
            // Until the stream is dropped.
            let _ = held.recv();
            false
        });
        Self { upstream, opened }
    }

    /// Waits for the next request.
    #[track_caller]
    pub fn next(&self) -> Stream {
        self.opened.recv_timeout(GUARD).expect("a request comes")
    }

    /// Waits for the next request and answers with this.
    #[track_caller]
    pub fn answer(&self, bytes: impl AsRef<[u8]>) -> Stream {
        let mut stream = self.next();
        stream.send(bytes);
        stream
    }

    /// `http://127.0.0.1:PORT` and this path.
    pub fn url(&self, path: &str) -> String {
        self.upstream.url(path)
    }

    /// The flag that grants it.
    pub fn grant(&self) -> String {
        self.upstream.grant()
    }

    /// What it was sent so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.upstream.seen()
    }
}

impl Stream {
    /// Sends bytes; a peer that has closed is no failure.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref());
    }

    /// Waits until the peer closes.
    #[track_caller]
    pub fn await_close(mut self) {
        match self.socket.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            other => panic!("the peer did not close: {other:?}"),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The server's thread has the socket too.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
