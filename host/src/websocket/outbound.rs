//! Messages to frames, and frames to the socket.
//!
//! Small frames are gathered in one buffer; a large payload is written from where it lies.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::AsyncWrite;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::shared::{Outgoing, Shared};
use super::{Close, MessageKind, Role, mask};

/// Frames are gathered up to this many bytes.
const GATHERED: usize = 16 * 1024;

/// Payloads up to this size are copied to the other frames.
const SMALL: usize = 4 * 1024;

/// What the buffer may keep while there is nothing to send.
const KEPT: usize = 1024;

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Outbound {
    role: Role,
    random: SystemRandom,
    /// Frames, of which the first `at` bytes are written.
    buffer: Vec<u8>,
    at: usize,
    /// A payload that follows the buffer.
    body: Option<Body>,
    pong: Option<Vec<u8>>,
    ping: bool,
    close: Closing,
    /// Bytes written since the beginning.
    written: u64,
    /// Messages taken from the queue since the beginning.
    messages: u64,
    unflushed: bool,
}

#[derive(Debug)]
struct Body {
    outgoing: Outgoing,
    at: usize,
}

/// The life of our close frame.
#[derive(Debug)]
enum Closing {
    /// There is none.
    Open,
    /// It follows the messages.
    Wanted(Close),
    /// Nothing follows it.
    Framed,
}

impl Outbound {
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            random: SystemRandom::new(),
            buffer: Vec::new(),
            at: 0,
            body: None,
            pong: None,
            ping: false,
            close: Closing::Open,
            written: 0,
            messages: 0,
            unflushed: false,
        }
    }

    /// Answers a ping. Of several that wait only the last is answered, which is enough (section 5.5.3).
    pub(super) fn pong(&mut self, payload: Vec<u8>) {
        self.pong = Some(payload);
    }

    /// Sends a ping.
    pub(super) fn ping(&mut self) {
        self.ping = true;
    }

    /// Sends a close frame after the messages that are queued, unless one is on its way.
    pub(super) fn close(&mut self, close: Close) {
        if matches!(self.close, Closing::Open) {
            self.close = Closing::Wanted(close);
        }
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Messages that were taken from the queue so far.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Writes as much as the socket takes. Ready when there is nothing left to write.
    pub(super) fn poll_write<S>(
        &mut self,
        stream: &mut S,
        shared: &Shared,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + Unpin,
    {
        loop {
            self.fill(shared)?;
            let buffer = self.buffer.get(self.at..).unwrap_or_default();
            let body = match &self.body {
                Some(body) => body.outgoing.data.get(body.at..).unwrap_or_default(),
                None => &[],
            };
            if buffer.is_empty() && body.is_empty() {
                if self.unflushed {
                    ready!(Pin::new(&mut *stream).poll_flush(cx))?;
                    self.unflushed = false;
                }
                return Poll::Ready(Ok(()));
            }
            let slices = [IoSlice::new(buffer), IoSlice::new(body)];
            let count = ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(count);
        }
    }

    fn advance(&mut self, count: usize) {
        self.written = self.written.wrapping_add(count as u64);
        self.unflushed = true;
        let of_buffer = count.min(self.buffer.len() - self.at);
        self.at += of_buffer;
        if self.at == self.buffer.len() {
            self.at = 0;
            self.buffer.clear();
            if self.buffer.capacity() > KEPT {
                self.buffer = Vec::new();
            }
        }
        if let Some(body) = &mut self.body {
            body.at += count - of_buffer;
            if body.at >= body.outgoing.data.len() {
                self.body = None;
            }
        }
    }

    /// Frames what is to be sent next.
    fn fill(&mut self, shared: &Shared) -> io::Result<()> {
        while self.body.is_none() && self.buffer.len() < GATHERED {
            if matches!(self.close, Closing::Framed) {
                return Ok(());
            }
            if let Some(payload) = self.pong.take() {
                self.frame(OpCode::Control(Control::Pong), payload)?;
            } else if std::mem::take(&mut self.ping) {
                self.frame(OpCode::Control(Control::Ping), Vec::new())?;
            } else if let Some(outgoing) = shared.next_outgoing() {
                self.messages = self.messages.wrapping_add(1);
                self.message(outgoing)?;
            } else if let Closing::Wanted(close) = &self.close {
                let payload = close.payload();
                self.close = Closing::Framed;
                self.frame(OpCode::Control(Control::Close), payload)?;
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    fn message(&mut self, mut outgoing: Outgoing) -> io::Result<()> {
        let opcode = OpCode::Data(match outgoing.kind {
            MessageKind::Text => Data::Text,
            MessageKind::Binary => Data::Binary,
        });
        self.header(opcode, &mut outgoing.data)?;
        if outgoing.data.len() <= SMALL {
            self.buffer.extend_from_slice(&outgoing.data);
        } else {
            self.body = Some(Body { outgoing, at: 0 });
        }
        Ok(())
    }

    fn frame(&mut self, opcode: OpCode, mut payload: Vec<u8>) -> io::Result<()> {
        self.header(opcode, &mut payload)?;
        self.buffer.extend_from_slice(&payload);
        Ok(())
    }

    /// Appends a frame's header, and masks its payload if that has to be.
    fn header(&mut self, opcode: OpCode, payload: &mut [u8]) -> io::Result<()> {
        let mask = match self.role {
            Role::Server => None,
            Role::Client => {
                // Unpredictable for who chose the payload (section 10.3).
                let mut key = [0; 4];
                self.random.fill(&mut key).map_err(|_| io::Error::other("no randomness"))?;
                mask::apply(payload, key, 0);
                Some(key)
            }
        };
        let header = FrameHeader { is_final: true, opcode, mask, ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut self.buffer).map_err(io::Error::other)
    }
}
