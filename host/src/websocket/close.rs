//! Why a connection ends: codes and reasons (RFC 6455, section 7.4), and the payload of close frames.

/// Bytes of a reason; a control frame has at most 125, two of them the code.
const MAX_REASON: usize = 123;

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The status code.
    pub code: u16,
    /// What the closing end said about it.
    pub reason: String,
}

impl Close {
    /// The purpose is fulfilled.
    pub const NORMAL: u16 = 1000;
    /// This end goes away.
    pub const AWAY: u16 = 1001;
    /// The other end broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// The close frame had no code. Never sent.
    pub const NO_CODE: u16 = 1005;
    /// The connection was lost without a close frame. Never sent.
    pub const LOST: u16 = 1006;
    /// A text is not UTF-8.
    pub const INVALID: u16 = 1007;
    /// A message or frame is too large.
    pub const TOO_LARGE: u16 = 1009;
    /// This end failed.
    pub const FAILED: u16 = 1011;
    /// This end has too much to do.
    pub const TRY_LATER: u16 = 1013;

    /// With as much of the reason as a close frame holds.
    pub fn new(code: u16, reason: &str) -> Self {
        let mut end = reason.len().min(MAX_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self { code, reason: reason.get(..end).unwrap_or_default().to_owned() }
    }

    /// Lost without a close frame.
    pub(super) fn lost() -> Self {
        Self::new(Self::LOST, "")
    }

    /// What a script asks to be sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_script(code: u16, reason: &[u8]) -> Result<Self, String> {
        if !may_be_sent(code) {
            return Err(format!(
                "code must be one that may be sent (1000 to 1003, 1007 to 1014, 3000 to 4999), got {code}"
            ));
        }
        if reason.len() > MAX_REASON {
            return Err(format!(
                "reason must have at most {MAX_REASON} bytes, got {}",
                reason.len()
            ));
        }
        match std::str::from_utf8(reason) {
            Ok(reason) => Ok(Self::new(code, reason)),
            Err(_) => Err("reason must be valid UTF-8".to_owned()),
        }
    }

    /// What the payload of a received close frame says.
    ///
    /// # Errors
    /// The code to answer with, and why.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Self> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return match payload.is_empty() {
                true => Ok(Self::new(Self::NO_CODE, "")),
                false => Err(Self::new(Self::PROTOCOL, "close frame with half a code")),
            };
        };
        let code = u16::from_be_bytes(*code);
        if !may_be_sent(code) {
            return Err(Self::new(Self::PROTOCOL, "close frame with a code that may not be sent"));
        }
        match std::str::from_utf8(reason) {
            Ok(reason) => Ok(Self::new(code, reason)),
            Err(_) => Err(Self::new(Self::INVALID, "close frame with a reason that is not UTF-8")),
        }
    }

    /// The payload of a close frame that says this.
    pub(super) fn payload(&self) -> Vec<u8> {
        if !may_be_sent(self.code) {
            return Vec::new();
        }
        let mut payload = self.code.to_be_bytes().to_vec();
        payload.extend_from_slice(self.reason.as_bytes());
        payload
    }
}

/// Whether a close frame may have this code (section 7.4, and the registry for 1012 to 1014).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn codes_that_stand_for_something_else_are_no_codes_to_send() {
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            let close = Close::parse(&u16::to_be_bytes(code)).unwrap();
            assert_eq!(close.code, code);
            assert!(Close::from_script(code, b"").is_ok());
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(Close::parse(&u16::to_be_bytes(code)).unwrap_err().code, Close::PROTOCOL);
            assert!(Close::from_script(code, b"").is_err());
        }
    }

    #[test]
    fn payloads_are_read_as_they_are_written() {
        for close in [Close::new(4000, "b\r\n\u{fc}"), Close::new(1000, "")] {
            assert_eq!(Close::parse(&close.payload()).unwrap(), close);
        }
        let none = Close::parse(b"").unwrap();
        assert_eq!(none.code, Close::NO_CODE);
        assert_eq!(none.payload(), b"");
        assert_eq!(Close::parse(b"\x03").unwrap_err().code, Close::PROTOCOL);
        assert_eq!(Close::parse(b"\x03\xe8\xff").unwrap_err().code, Close::INVALID);
    }

    #[test]
    fn a_reason_is_bounded_and_whole() {
        let long = "\u{20ac}".repeat(50);
        assert_eq!(Close::new(1000, &long).reason, "\u{20ac}".repeat(41));
        assert!(Close::from_script(1000, &[b'a'; 123]).is_ok());
        assert!(Close::from_script(1000, &[b'a'; 124]).is_err());
        assert!(Close::from_script(1000, b"\xff").is_err());
    }
}
