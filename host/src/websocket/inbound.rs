//! Frames to messages, without I/O (RFC 6455, sections 5 and 8).
//!
//! Payload bytes go from where they were read straight into the message they belong to, so that an idle
//! connection holds none, and what is held is counted as it grows.

use std::io::Cursor;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{Close, Message, MessageKind, Role, Settings, mask};
use crate::budget::{Budget, Held};
use crate::limits::WS_MESSAGE_COST;

/// Bytes of the longest frame header.
const MAX_HEADER: usize = 14;

/// Bytes of a control frame (section 5.5).
const MAX_CONTROL: usize = 125;

/// A message's buffer grows by at least this much, as far as its frame announces it.
const GROWTH: usize = 16 * 1024;

/// What the peer said.
#[derive(Debug)]
pub(super) enum Event {
    /// A whole message.
    Message(Message),
    /// Wants the same payload back.
    Ping(Vec<u8>),
    /// An answer to a ping.
    Pong,
    /// Wants to close, for this reason.
    Close(Close),
}

/// Takes the peer's bytes apart.
#[derive(Debug)]
pub(super) struct Inbound {
    role: Role,
    max_message: usize,
    max_frame: usize,
    budget: Arc<Budget>,
    /// The beginning of a frame header.
    head: Vec<u8>,
    frame: Option<Frame>,
    /// The payload of a control frame.
    control: Vec<u8>,
    message: Option<Partial>,
    discarding: bool,
}

/// The frame that is arriving.
#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    mask: Option<[u8; 4]>,
    /// Bytes of payload that have arrived.
    arrived: usize,
    /// Bytes that have not.
    left: u64,
}

/// The message that is arriving.
#[derive(Debug)]
struct Partial {
    kind: MessageKind,
    data: Vec<u8>,
    /// Bytes of a text that are known to be UTF-8.
    valid: usize,
    /// None once it is thrown away.
    held: Option<Held>,
}

impl Inbound {
    pub(super) fn new(role: Role, settings: &Settings, budget: Arc<Budget>) -> Self {
        Self {
            role,
            max_message: settings.max_message,
            max_frame: settings.max_frame,
            budget,
            head: Vec::new(),
            frame: None,
            control: Vec::new(),
            message: None,
            discarding: false,
        }
    }

    /// From now on messages are thrown away; only control frames count.
    pub(super) fn discard(&mut self) {
        self.discarding = true;
        if let Some(message) = &mut self.message {
            message.data = Vec::new();
            message.held = None;
        }
    }

    /// Takes what belongs to the next event off `input`; none if the event is not complete, and then all of
    /// `input` is taken.
    ///
    /// # Errors
    /// What the connection is to be closed with. Nothing can be read after that.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Close> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.header(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let count = usize::try_from(frame.left).unwrap_or(usize::MAX).min(input.len());
            let (piece, rest) = input.split_at(count);
            *input = rest;
            self.append(&frame, piece)?;
            frame.arrived = frame.arrived.wrapping_add(count);
            frame.left -= count as u64;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(event) = self.complete(&frame)? {
                return Ok(Some(event));
            }
        }
    }

    fn header(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Close> {
        let kept = self.head.len();
        let (more, _) = input.split_at(input.len().min(MAX_HEADER - kept));
        self.head.extend_from_slice(more);
        let mut cursor = Cursor::new(self.head.as_slice());
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| protocol("reserved opcode"))?;
        let used = usize::try_from(cursor.position()).unwrap_or(MAX_HEADER);
        let Some((header, length)) = parsed else {
            *input = &[];
            return Ok(None);
        };
        *input = input.split_at(used.saturating_sub(kept)).1;
        self.head.clear();
        self.begin(&header, length).map(Some)
    }

    fn begin(&mut self, header: &FrameHeader, length: u64) -> Result<Frame, Close> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(protocol("reserved bit without an extension"));
        }
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(protocol("frame without a mask")),
            (Role::Client, Some(_)) => return Err(protocol("frame with a mask")),
            _ => {}
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final => {
                return Err(protocol("control frame in fragments"));
            }
            OpCode::Control(_) if length > MAX_CONTROL as u64 => {
                return Err(protocol("control frame with more than 125 bytes"));
            }
            OpCode::Control(_) => {}
            // The highest bit of a length must be 0 (section 5.2).
            OpCode::Data(_) if length > i64::MAX as u64 => {
                return Err(protocol("impossible frame length"));
            }
            OpCode::Data(data) => self.begin_data(data, length)?,
        }
        Ok(Frame {
            opcode: header.opcode,
            is_final: header.is_final,
            mask: header.mask,
            arrived: 0,
            left: length,
        })
    }

    fn begin_data(&mut self, data: Data, length: u64) -> Result<(), Close> {
        let kind = match data {
            Data::Continue if self.message.is_none() => {
                return Err(protocol("continuation of no message"));
            }
            Data::Continue => None,
            _ if self.message.is_some() => {
                return Err(protocol("new message within another"));
            }
            Data::Text => Some(MessageKind::Text),
            Data::Binary => Some(MessageKind::Binary),
            Data::Reserved(_) => return Err(protocol("reserved opcode")),
        };
        if self.discarding {
            // Its length does not matter.
        } else if length > self.max_frame as u64 {
            return Err(too_large("frame", self.max_frame));
        } else {
            let sofar = self.message.as_ref().map_or(0, |message| message.data.len());
            if length > self.max_message.saturating_sub(sofar) as u64 {
                return Err(too_large("message", self.max_message));
            }
        }
        if let Some(kind) = kind {
            let held = self.budget.try_hold(WS_MESSAGE_COST);
            if held.is_none() && !self.discarding {
                return Err(overloaded());
            }
            self.message = Some(Partial { kind, data: Vec::new(), valid: 0, held });
        }
        Ok(())
    }

    /// Adds payload that has arrived to where it belongs.
    fn append(&mut self, frame: &Frame, piece: &[u8]) -> Result<(), Close> {
        let target = match (frame.opcode, &mut self.message) {
            (OpCode::Control(_), _) => &mut self.control,
            (OpCode::Data(_), Some(message)) if !self.discarding => {
                message.make_room(piece.len(), frame.left)?;
                &mut message.data
            }
            _ => return Ok(()),
        };
        let begin = target.len();
        target.extend_from_slice(piece);
        if let (Some(mask), Some(added)) = (frame.mask, target.get_mut(begin..)) {
            mask::apply(added, mask, frame.arrived);
        }
        match (frame.opcode, &mut self.message) {
            (OpCode::Data(_), Some(message)) => message.check_text(),
            _ => Ok(()),
        }
    }

    fn complete(&mut self, frame: &Frame) -> Result<Option<Event>, Close> {
        let control = match frame.opcode {
            OpCode::Control(control) => control,
            OpCode::Data(_) if !frame.is_final => return Ok(None),
            OpCode::Data(_) => {
                let message = self.message.take();
                return match message.filter(|_| !self.discarding) {
                    Some(message) => message.finish().map(|message| Some(Event::Message(message))),
                    None => Ok(None),
                };
            }
        };
        let payload = std::mem::take(&mut self.control);
        match control {
            Control::Ping => Ok(Some(Event::Ping(payload))),
            Control::Pong => Ok(Some(Event::Pong)),
            Control::Close => Close::parse(&payload).map(|close| Some(Event::Close(close))),
            Control::Reserved(_) => Err(protocol("reserved opcode")),
        }
    }
}

impl Partial {
    /// Makes room for `count` bytes of a frame that has `left` to come, these included.
    fn make_room(&mut self, count: usize, left: u64) -> Result<(), Close> {
        let capacity = self.data.capacity();
        if capacity - self.data.len() >= count {
            return Ok(());
        }
        let ahead = usize::try_from(left).unwrap_or(usize::MAX);
        let room = count.max(ahead.min(self.data.len().max(GROWTH)));
        let grown = self.data.len().saturating_add(room);
        let more = grown.saturating_sub(capacity);
        if !self.held.as_mut().is_some_and(|held| held.try_grow(more)) {
            return Err(overloaded());
        }
        self.data.reserve_exact(room);
        Ok(())
    }

    /// Fails as soon as a text cannot become UTF-8 any more.
    fn check_text(&mut self) -> Result<(), Close> {
        if self.kind == MessageKind::Binary {
            return Ok(());
        }
        let unknown = self.data.get(self.valid..).unwrap_or_default();
        match std::str::from_utf8(unknown) {
            Ok(text) => self.valid += text.len(),
            Err(error) if error.error_len().is_some() => return Err(not_utf8()),
            Err(error) => self.valid += error.valid_up_to(),
        }
        Ok(())
    }

    fn finish(self) -> Result<Message, Close> {
        if self.kind == MessageKind::Text && self.valid < self.data.len() {
            return Err(not_utf8());
        }
        Ok(Message { kind: self.kind, data: self.data, _held: self.held })
    }
}

fn protocol(why: &str) -> Close {
    Close::new(Close::PROTOCOL, why)
}

fn not_utf8() -> Close {
    Close::new(Close::INVALID, "text that is not UTF-8")
}

fn too_large(what: &str, max: usize) -> Close {
    Close::new(Close::TOO_LARGE, &format!("{what} with more than {max} bytes"))
}

fn overloaded() -> Close {
    Close::new(Close::TRY_LATER, "too much is being received")
}
