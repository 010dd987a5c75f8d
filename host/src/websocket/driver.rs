//! The socket's end of a connection: a future that runs the socket until the connection is over.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::SocketEnd;
use super::inbound::{Event, Inbound};
use super::outbound::Outbound;
use super::{Close, Role, Summary};
use crate::limits::WS_DRAIN_BYTES;

/// Bytes read at once, on the stack.
const READ: usize = 16 * 1024;

/// Reads of one poll: then the other tasks of the thread have their turn.
const TURNS: usize = 8;

/// Pings without an answer after which the peer is dead.
const MAX_PINGS: u32 = 2;

/// Runs the socket of one connection; ready when the connection is over and the socket may be dropped.
///
/// Dropping it earlier loses the connection (1006).
#[derive(Debug)]
pub struct Driver<S> {
    stream: S,
    end: SocketEnd,
    inbound: Inbound,
    outbound: Outbound,
    /// What was read and not taken apart yet, because the script does not read.
    unread: Bytes,
    phase: Phase,
    /// Bytes that may still be thrown away.
    drain: usize,
    /// Whether the peer has said all it ever will.
    eof: bool,
    clock: Clock,
}

/// How far the connection's life has gone. It only goes forward.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Messages go both ways. Then `Closing` if this end closes, `Leaving` if the peer does or fails.
    Open,
    /// This end closes: its queue and its close frame go out, and the peer's close frame is awaited, since
    /// ours was written. Then `Leaving`.
    Closing {
        /// When our close frame was written.
        written: Option<Instant>,
    },
    /// Nothing more is expected: what is framed goes out. Then `Draining`.
    Leaving {
        /// When that has taken too long.
        until: Instant,
    },
    /// All is said: what still comes is thrown away, until the peer closes too.
    Draining {
        /// When that has taken too long.
        until: Instant,
    },
}

/// Every time limit of a connection, with one timer.
#[derive(Debug)]
struct Clock {
    sleep: Pin<Box<Sleep>>,
    /// When the peer was last heard of.
    heard: Instant,
    /// Pings since then.
    pings: u32,
    /// Nothing is read, so nothing can be heard.
    deaf: bool,
    /// When a message last went either way.
    message: Instant,
    /// Since when what is to be written makes no progress.
    stalled: Option<Instant>,
}

/// What one turn came to.
enum Turn {
    /// There may be more to do.
    Again,
    /// Everything that could be done is done.
    Wait,
    /// The connection is over.
    Over,
}

impl<S> Driver<S> {
    pub(super) fn new(end: SocketEnd, stream: S, read_ahead: Bytes, role: Role) -> Self {
        let now = Instant::now();
        let settings = end.shared.settings;
        Self {
            inbound: Inbound::new(role, &settings, end.shared.budget.clone()),
            outbound: Outbound::new(role),
            stream,
            end,
            unread: read_ahead,
            phase: Phase::Open,
            drain: WS_DRAIN_BYTES,
            eof: false,
            clock: Clock {
                sleep: Box::pin(sleep_until(now + settings.ping_period)),
                heard: now,
                pings: 0,
                deaf: false,
                message: now,
                stalled: None,
            },
        }
    }

    /// As [`Connection::begin_close`](super::Connection::begin_close).
    pub fn begin_close(&self, code: u16, reason: &str) {
        self.end.shared.begin_close(Close::new(code, reason));
    }

    /// Whether this end asked for the connection to be closed.
    pub fn was_to_close(&self) -> bool {
        self.end.shared.close_wanted().is_some()
    }

    /// What went through the connection so far.
    pub fn summary(&self) -> Summary {
        self.end.shared.summary()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.end.shared.wake_by(cx.waker());
        for _ in 0..TURNS {
            match this.turn(cx) {
                Turn::Again => {}
                Turn::Wait => return Poll::Pending,
                Turn::Over => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        if let (Phase::Open, Some(close)) = (self.phase, self.end.shared.close_wanted()) {
            self.inbound.discard();
            self.outbound.close(close);
            self.phase = Phase::Closing { written: None };
        }
        match self.write(cx) {
            Err(_) => return self.lost(),
            Ok(Turn::Wait) => {}
            Ok(turn) => return turn,
        }
        match self.read(cx) {
            Err(_) => return self.lost(),
            Ok(Turn::Wait) => {}
            Ok(turn) => return turn,
        }
        self.time(cx)
    }

    /// The connection is over, and not because somebody closed it.
    fn lost(&self) -> Turn {
        self.end.shared.end(Close::lost());
        Turn::Over
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<Turn> {
        if let Phase::Draining { .. } = self.phase {
            return Ok(Turn::Wait);
        }
        let (written, messages) = (self.outbound.written(), self.outbound.messages());
        let result = self.outbound.poll_write(&mut self.stream, &self.end.shared, cx);
        if messages != self.outbound.messages() {
            self.clock.message = Instant::now();
        }
        if result.is_pending() {
            if written != self.outbound.written() || self.clock.stalled.is_none() {
                self.clock.stalled = Some(Instant::now());
            }
            return Ok(Turn::Wait);
        }
        self.clock.stalled = None;
        if let Poll::Ready(Err(error)) = result {
            return Err(error);
        }
        match &mut self.phase {
            Phase::Closing { written: written @ None } => *written = Some(Instant::now()),
            Phase::Leaving { .. } => {
                // A peer that is gone already cannot be told.
                if Pin::new(&mut self.stream).poll_shutdown(cx).is_pending() {
                    return Ok(Turn::Wait);
                }
                if self.eof {
                    return Ok(Turn::Over);
                }
                self.phase =
                    Phase::Draining { until: Instant::now() + self.end.shared.settings.drain_time };
            }
            _ => {}
        }
        Ok(Turn::Wait)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<Turn> {
        let full = matches!(self.phase, Phase::Open) && self.end.shared.is_full();
        if self.clock.deaf && !full {
            self.clock.heard = Instant::now();
            self.clock.pings = 0;
        }
        self.clock.deaf = full;
        if full || self.eof {
            return Ok(Turn::Wait);
        }
        if !self.unread.is_empty() {
            let unread = std::mem::take(&mut self.unread);
            let used = self.receive(&unread);
            self.unread = unread.slice(used..);
            return Ok(Turn::Again);
        }
        let mut bytes = [MaybeUninit::uninit(); READ];
        let mut bytes = ReadBuf::uninit(&mut bytes);
        match Pin::new(&mut self.stream).poll_read(cx, &mut bytes) {
            Poll::Pending => return Ok(Turn::Wait),
            Poll::Ready(result) => result?,
        }
        let bytes = bytes.filled();
        if bytes.is_empty() {
            return Ok(self.end_of_input());
        }
        self.clock.heard = Instant::now();
        self.clock.pings = 0;
        let used = self.receive(bytes);
        self.unread = bytes.get(used..).map(Bytes::copy_from_slice).unwrap_or_default();
        Ok(Turn::Again)
    }

    fn end_of_input(&mut self) -> Turn {
        self.eof = true;
        match self.phase {
            Phase::Open | Phase::Closing { .. } => self.lost(),
            Phase::Leaving { .. } => Turn::Again,
            Phase::Draining { .. } => Turn::Over,
        }
    }

    /// Takes bytes of the peer apart; gives how many of them.
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut input = bytes;
        loop {
            match self.phase {
                Phase::Open if self.end.shared.is_full() => return bytes.len() - input.len(),
                Phase::Open | Phase::Closing { .. } => {}
                Phase::Leaving { .. } | Phase::Draining { .. } => {
                    self.drain = self.drain.saturating_sub(input.len());
                    self.eof |= self.drain == 0;
                    return bytes.len();
                }
            }
            match self.inbound.next(&mut input) {
                Ok(Some(event)) => self.handle(event),
                Ok(None) => return bytes.len(),
                Err(close) => self.leave(close),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        let is_open = matches!(self.phase, Phase::Open);
        match event {
            Event::Message(message) => {
                self.clock.message = Instant::now();
                self.end.shared.deliver(message);
            }
            Event::Ping(payload) if is_open => self.outbound.pong(payload),
            Event::Ping(_) | Event::Pong => {}
            // What was said is said back (section 5.5.1).
            Event::Close(close) => self.leave(close),
        }
    }

    /// Nothing that the peer sends counts any more: the script sees `close`, and so does the peer, unless
    /// our close frame is on its way already.
    fn leave(&mut self, close: Close) {
        self.end.shared.end(close.clone());
        self.inbound.discard();
        self.outbound.close(close);
        self.phase = Phase::Leaving { until: Instant::now() + self.end.shared.settings.close_time };
    }

    fn time(&mut self, cx: &mut Context<'_>) -> Turn {
        loop {
            let Some(deadline) = self.deadline() else { return Turn::Wait };
            if deadline < self.clock.sleep.deadline() {
                self.clock.sleep.as_mut().reset(deadline);
            }
            if self.clock.sleep.as_mut().poll(cx).is_pending() {
                return Turn::Wait;
            }
            // A deadline that has moved away meanwhile is looked at when the old one passes.
            if deadline <= Instant::now() {
                return self.expire();
            }
            self.clock.sleep.as_mut().reset(deadline);
        }
    }

    /// When something has to be done although nothing happens.
    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => {
                [self.next_ping(), self.idle(), self.stalled()].into_iter().flatten().min()
            }
            Phase::Closing { written: None } => self.stalled(),
            Phase::Closing { written: Some(written) } => {
                Some(written + self.end.shared.settings.close_time)
            }
            Phase::Leaving { until } | Phase::Draining { until } => Some(until),
        }
    }

    /// Pings go out also while nothing is read: their answers cannot be heard then, but a peer that is gone
    /// is found by writing to it.
    fn next_ping(&self) -> Option<Instant> {
        let Clock { heard, pings, .. } = self.clock;
        self.end
            .shared
            .settings
            .ping_period
            .checked_mul(pings.saturating_add(1))
            .and_then(|pause| heard.checked_add(pause))
    }

    fn idle(&self) -> Option<Instant> {
        self.end.shared.settings.idle_timeout.and_then(|time| self.clock.message.checked_add(time))
    }

    fn stalled(&self) -> Option<Instant> {
        let time = self.end.shared.settings.write_timeout?;
        self.clock.stalled?.checked_add(time)
    }

    fn expire(&mut self) -> Turn {
        let now = Instant::now();
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if !matches!(self.phase, Phase::Open) || passed(self.stalled()) {
            return self.lost();
        }
        if passed(self.idle()) {
            self.begin_close(Close::AWAY, "no message for too long");
        } else if passed(self.next_ping()) {
            if self.clock.pings >= MAX_PINGS && !self.clock.deaf {
                return self.lost();
            }
            self.clock.pings += 1;
            self.outbound.ping();
        }
        Turn::Again
    }
}
