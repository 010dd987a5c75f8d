//! A WebSocket client that does exactly what it is told, right or wrong (RFC 6455): frames are built
//! byte by byte, and what the server sends is held against section 5.

use crate::client::{Raw, Response};

/// Opcodes (section 5.2).
pub const CONTINUATION: u8 = 0x0;
/// UTF-8 text.
pub const TEXT: u8 = 0x1;
/// Any bytes.
pub const BINARY: u8 = 0x2;
/// The end.
pub const CLOSE: u8 = 0x8;
/// A question whether the peer lives.
pub const PING: u8 = 0x9;
/// The answer.
pub const PONG: u8 = 0xA;

/// The key of section 1.3 and what a server answers to it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A frame that is being put together; as it is made, it is final and masked, and its length is true.
#[derive(Clone, Debug)]
pub struct Frame {
    first: u8,
    mask: Option<[u8; 4]>,
    length: Option<u64>,
    payload: Vec<u8>,
}

impl Frame {
    /// A frame with this opcode.
    pub fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self { first: 0x80 | opcode, mask: Some([0x37, 0xFA, 0x21, 0x3D]), length: None, payload }
    }

    /// A text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::new(TEXT, text)
    }

    /// A close frame with a code and a reason.
    pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Self {
        Self::new(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    /// Says that more frames of the message follow.
    pub fn not_final(mut self) -> Self {
        self.first &= 0x7F;
        self
    }

    /// Sets bits of the first byte: 0x40, 0x20 and 0x10 are reserved.
    pub fn bits(mut self, bits: u8) -> Self {
        self.first |= bits;
        self
    }

    /// Leaves the payload as it is, which a client must not.
    pub fn unmasked(mut self) -> Self {
        self.mask = None;
        self
    }

    /// Says another length than the payload's, in eight bytes.
    pub fn says(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// How it stands on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.first];
        match (self.length, self.payload.len()) {
            (None, length @ 0..=125) => bytes.push(mask_bit | length as u8),
            (None, length @ 126..=0xFFFF) => {
                bytes.push(mask_bit | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            (said, length) => {
                bytes.push(mask_bit | 127);
                bytes.extend(said.unwrap_or(length as u64).to_be_bytes());
            }
        }
        bytes.extend(self.mask.iter().flatten());
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

/// A frame the server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Whether it ends its message.
    pub is_final: bool,
    /// What it is.
    pub opcode: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Received {
    /// The payload as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).expect("servers send UTF-8")
    }

    /// The code of a close frame; 1005 if it carries none (section 7.1.5).
    pub fn code(&self) -> u16 {
        match self.payload.first_chunk() {
            Some(code) => u16::from_be_bytes(*code),
            None => 1005,
        }
    }

    /// The reason of a close frame.
    #[track_caller]
    pub fn reason(&self) -> &str {
        std::str::from_utf8(self.payload.get(2..).unwrap_or_default()).expect("reasons are UTF-8")
    }
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct WebSocket {
    raw: Raw,
}

/// A handshake with these header lines beside `Host`.
pub fn request(path: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n{lines}\r\n")
}

/// The header lines of a handshake that nothing is wrong with.
pub fn handshake() -> Vec<String> {
    let key = format!("Sec-WebSocket-Key: {KEY}");
    ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", &key]
        .map(str::to_owned)
        .to_vec()
}

impl WebSocket {
    /// Opens a WebSocket on a port of this machine.
    #[track_caller]
    pub fn open(port: u16, path: &str) -> Self {
        Self::open_with(port, path, &[]).0
    }

    /// The same with more header lines; also gives the answer.
    #[track_caller]
    pub fn open_with(port: u16, path: &str, lines: &[&str]) -> (Self, Response) {
        let mut raw = Raw::connect(port);
        let own = handshake();
        let lines: Vec<&str> =
            own.iter().map(String::as_str).chain(lines.iter().copied()).collect();
        raw.send(request(path, &lines));
        let response = raw.response();
        assert_eq!(response.status, 101, "{}{}", response.head, response.text());
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT), "{}", response.head);
        (Self { raw }, response)
    }

    /// Sends a frame.
    pub fn send(&mut self, frame: &Frame) {
        self.raw.send(frame.bytes());
    }

    /// The connection below.
    pub fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// The next frame; none if the server closed instead. Holds it against what section 5 asks of
    /// a server: no mask, no reserved bits, no unknown opcodes, small whole control frames.
    #[track_caller]
    pub fn frame(&mut self) -> Option<Received> {
        let head = self.raw.take(2)?;
        let [first, second] = *head.first_chunk().expect("two bytes");
        assert_eq!(first & 0x70, 0, "reserved bits are set: {head:x?}");
        assert_eq!(second & 0x80, 0, "a server must not mask: {head:x?}");
        let length = match second {
            126 => self.number(2),
            127 => self.number(8),
            length => u64::from(length),
        };
        let (is_final, opcode) = (first & 0x80 != 0, first & 0xF);
        assert!(matches!(opcode, 0..=2 | 8..=10), "opcode {opcode} is reserved");
        assert!(opcode < 8 || is_final && length <= 125, "a control frame of {length} bytes");
        let payload = self.raw.take(length as usize).expect("the server ended inside a frame");
        Some(Received { is_final, opcode, payload })
    }

    /// The next message, which must come in one frame; answers pings on the way.
    #[track_caller]
    pub fn message(&mut self) -> Received {
        loop {
            let frame = self.frame().expect("the server closed without a close frame");
            if frame.opcode == PING {
                self.send(&Frame::new(PONG, &frame.payload));
            } else if frame.opcode != PONG {
                assert!(frame.is_final, "{frame:?}");
                return frame;
            }
        }
    }

    /// Sends a text, and asserts that the server sends it back.
    #[track_caller]
    pub fn assert_echoes(&mut self, text: &str) {
        self.send(&Frame::text(text));
        let answer = self.message();
        assert_eq!((answer.opcode, answer.text()), (TEXT, text));
    }

    /// Asserts that the server closes with this code, whatever it sends before, and then ends the connection;
    /// answers its close frame, and gives the reason.
    #[track_caller]
    pub fn expect_close(&mut self, code: u16) -> String {
        let close = loop {
            let frame = self.frame().expect("the server closed without a close frame");
            if frame.opcode == CLOSE {
                break frame;
            }
        };
        assert_eq!(close.code(), code, "the reason is {:?}", close.reason());
        self.send(&Frame::new(CLOSE, &close.payload));
        self.raw.expect_closed();
        close.reason().to_owned()
    }

    #[track_caller]
    fn number(&mut self, bytes: usize) -> u64 {
        let bytes = self.raw.take(bytes).expect("the server ended inside a head");
        bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}
