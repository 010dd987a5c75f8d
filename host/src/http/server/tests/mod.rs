//! The server against real sockets, with a small loop in place of the guest.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod framing;
mod limits;
mod messages;
mod shutdown;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::access_log::AccessLog;
use super::{Event, Listeners, Report, Request, Server, Servers, Settings};
use crate::budget::Budget;
use crate::grants::listen::ListenGrants;
use crate::limits::Limits;
use crate::websocket::Slots;

/// What no test waits longer for. Only a failing test reaches it.
const HANG: Duration = Duration::from_secs(20);

/// A limit that a test waits out.
const SOON: Duration = Duration::from_millis(60);

/// A server and what it reported.
struct Running {
    server: Server,
    address: SocketAddr,
    reports: Arc<Mutex<Vec<String>>>,
}

fn start(limits: Limits) -> Running {
    start_with(limits, false, &Listeners::default(), AccessLog::default())
}

fn start_with(limits: Limits, dev: bool, listeners: &Listeners, access_log: AccessLog) -> Running {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let report = {
        let reports = Arc::clone(&reports);
        Report::new(move |message, fields| {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
                .collect();
            reports.lock().unwrap().push(format!("{message} {}", fields.join(" ")));
        })
    };
    let settings = Settings { limits: Arc::new(limits), dev, report, access_log };
    let mut grants = ListenGrants::default();
    grants.allow("0").unwrap();
    let server = Servers::new(settings, listeners, Budget::new(1 << 20), Slots::new(10))
        .listen(&grants.check(0).unwrap(), false)
        .unwrap();
    let address = server.address().parse().unwrap();
    Running { server, address, reports }
}

impl Running {
    async fn events(&self) -> Vec<Event> {
        timeout(HANG, self.server.next()).await.expect("an event")
    }

    /// The next event, which must be alone and a request.
    async fn request(&self) -> Request {
        let mut events = self.events().await;
        assert_eq!(events.len(), 1, "{events:?}");
        match events.remove(0) {
            Event::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// The next event, which must be alone and an ending.
    async fn gone(&self) -> u64 {
        match self.events().await.as_slice() {
            [Event::Gone(id)] => *id,
            other => panic!("{other:?}"),
        }
    }

    async fn stopped(&self) {
        let events = self.events().await;
        assert!(matches!(events.as_slice(), [Event::Stopped]), "{events:?}");
    }

    fn respond(&self, id: u64, body: &str) {
        self.server.respond(id, 200, Vec::new(), body.into()).unwrap();
    }

    async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), buffer: Vec::new() }
    }
}

/// A server whose handler answers each request with its method, its path and its body.
struct Echo {
    address: SocketAddr,
    handler: JoinHandle<()>,
}

fn echo(limits: Limits) -> Echo {
    let running = start(limits);
    let address = running.address;
    let handler = tokio::spawn(async move {
        loop {
            for event in running.server.next().await {
                let Event::Request(request) = event else { continue };
                let mut parts = request.head.split(|byte| *byte == 0);
                let mut answer = parts.next().unwrap().to_vec();
                answer.push(b' ');
                answer.extend_from_slice(parts.next().unwrap());
                answer.push(b' ');
                answer.extend_from_slice(&request.body);
                loop {
                    let piece = running.server.read_body(request.id);
                    answer.extend_from_slice(&piece);
                    if piece.is_empty() {
                        break;
                    }
                }
                running.server.respond(request.id, 200, Vec::new(), answer).unwrap();
            }
        }
    });
    Echo { address, handler }
}

impl Echo {
    async fn connect(&self) -> Client {
        assert!(!self.handler.is_finished(), "the handler is alive");
        Client { stream: TcpStream::connect(self.address).await.unwrap(), buffer: Vec::new() }
    }

    /// A fresh connection's answer to `text`, up to the end of the connection.
    async fn all(&self, text: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(text).await;
        client.rest().await
    }
}

/// The other end, byte by byte.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn send(&mut self, text: impl AsRef<[u8]>) {
        timeout(HANG, self.stream.write_all(text.as_ref())).await.expect("to send").unwrap();
    }

    /// Reads until `end`, and gives all up to and with it.
    async fn until(&mut self, end: &str) -> String {
        loop {
            let at = self.buffer.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = at {
                let rest = self.buffer.split_off(at + end.len());
                return String::from_utf8(std::mem::replace(&mut self.buffer, rest)).unwrap();
            }
            let read = timeout(HANG, self.stream.read_buf(&mut self.buffer)).await;
            let read = read.unwrap_or_else(|_| panic!("{end:?} after {:?}", self.text())).unwrap();
            assert_ne!(read, 0, "{end:?} after {:?}", self.text());
        }
    }

    /// One response: its status and its body, by its length.
    async fn response(&mut self) -> (u16, String) {
        let head = self.until("\r\n\r\n").await;
        let length = field(&head, "content-length").map_or(0, |value| value.parse().unwrap());
        while self.buffer.len() < length {
            let read = timeout(HANG, self.stream.read_buf(&mut self.buffer)).await.expect("a body");
            assert_ne!(read.unwrap(), 0, "the body is cut off");
        }
        let rest = self.buffer.split_off(length);
        let body = std::mem::replace(&mut self.buffer, rest);
        (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
    }

    /// All that comes until the connection ends, which must not be by a reset.
    async fn rest(&mut self) -> String {
        timeout(HANG, self.stream.read_to_end(&mut self.buffer)).await.expect("the end").unwrap();
        self.text()
    }

    /// Waits until the connection ends, in whatever way.
    async fn end(&mut self) -> String {
        let _ = timeout(HANG, self.stream.read_to_end(&mut self.buffer)).await.expect("the end");
        self.text()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// The value of a field of a response.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
