//! A failure of the outside world, as every door and capability reports it.
//!
//! The kinds are those a script sees as `err.kind`. This type knows nothing of WIT, so that the
//! doors and the protocol code can be tested without a guest.

use std::fmt;
use std::io;

/// What went wrong, in a script's words. The cases are those of `error-kind` in `wit/types.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The operator has not granted this.
    Denied,
    /// A time limit passed.
    Timeout,
    /// The name could not be resolved.
    Dns,
    /// The connection could not be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The peer broke the protocol.
    Protocol,
    /// The other end is gone.
    Closed,
    /// More bytes than the limit allows.
    TooLarge,
    /// The operating system reported a failure.
    Io,
    /// The call was cancelled.
    Cancelled,
    /// A count or size of the operator's limits is used up.
    Limit,
    /// The caller passed something that cannot be used.
    Invalid,
}

impl Kind {
    /// The kind as a script and the audit log see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
            Self::TooLarge => "too_large",
            Self::Io => "io",
            Self::Cancelled => "cancelled",
            Self::Limit => "limit",
            Self::Invalid => "invalid",
        }
    }
}

/// One failure: its kind and one line for people.
///
/// The line names the thing, the cause and, where there is one, the next step. It never holds a
/// query string, userinfo or a header value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What a script may decide on.
    pub kind: Kind,
    /// One line of text.
    pub message: String,
}

impl Failure {
    /// A failure of `kind` with its line of text.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// What the operating system said, without the number that Rust appends.
pub fn cause(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" (os error ") {
        text.truncate(end);
    }
    text
}
