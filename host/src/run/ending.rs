//! How a run ended, what is printed about it, and the exit code it gives.

use std::io::{self, Write};

use crate::escape::push_visible;
use crate::failure::{Failure, Kind};

/// Longest message or traceback that is printed; Lua's own tracebacks are far shorter.
const MAX_PRINTED: usize = 64 * 1024;

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The script came to its end.
    Done,
    /// The script called `os.exit` with this code.
    Exit(i32),
    /// The script failed, or could not be begun.
    Failed {
        /// One line, any bytes; without `error: `.
        message: Vec<u8>,
        /// Lua's traceback, without the message; empty if there is none.
        traceback: Vec<u8>,
    },
    /// A limit of the operator stopped the script.
    Limit {
        /// Which limit, and the flag that raises it.
        message: String,
        /// Lua's traceback of what was running; empty if there is none.
        traceback: Vec<u8>,
    },
    /// What the operator asked for makes no sense for this script.
    Usage {
        /// Why, and what to do instead.
        message: String,
    },
    /// A signal of this number asked the script to stop.
    Signal(i32),
}

impl Ending {
    /// The process's exit code: 0; the script's own, of which the system keeps eight bits; 1 for a
    /// failure; 2 for wrong usage; 3 for a limit; 128 and the number for a signal.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Exit(code) => low_bits(*code),
            Self::Failed { .. } => 1,
            Self::Usage { .. } => 2,
            Self::Limit { .. } => 3,
            Self::Signal(number) => low_bits(number.saturating_add(128)),
        }
    }

    /// The same, with where the script was when it was stopped.
    pub(super) fn with_traceback(self, traceback: Vec<u8>) -> Self {
        match self {
            Self::Limit { message, .. } => Self::Limit { message, traceback },
            Self::Failed { message, .. } => Self::Failed { message, traceback },
            other => other,
        }
    }

    /// Prints what went wrong, if anything did: `error: `, the message, then the traceback.
    ///
    /// On a terminal, whatever could steer it is escaped; elsewhere the bytes pass as they are.
    ///
    /// # Errors
    /// What writing to `out` reports.
    pub fn print(&self, out: &mut impl Write, terminal: bool) -> io::Result<()> {
        let (message, traceback) = match self {
            Self::Done | Self::Exit(_) | Self::Signal(_) => return Ok(()),
            Self::Failed { message, traceback } => (message.as_slice(), traceback.as_slice()),
            Self::Limit { message, traceback } => (message.as_bytes(), traceback.as_slice()),
            Self::Usage { message } => (message.as_bytes(), &[][..]),
        };
        let mut text = b"error: ".to_vec();
        for part in [message, traceback] {
            if part.is_empty() {
                continue;
            }
            push_printable(&mut text, part, terminal);
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
        }
        if text.last() != Some(&b'\n') {
            text.extend_from_slice(b"(no message)\n");
        }
        // In one piece, so that it stays together when several processes share the terminal.
        out.write_all(&text)?;
        out.flush()
    }
}

/// A failure before or beside the script, such as a script file that cannot be read.
impl From<Failure> for Ending {
    fn from(Failure { kind, message }: Failure) -> Self {
        match kind {
            Kind::TooLarge | Kind::Limit => Self::Limit { message, traceback: Vec::new() },
            _ => Self::Failed { message: message.into_bytes(), traceback: Vec::new() },
        }
    }
}

fn push_printable(text: &mut Vec<u8>, part: &[u8], terminal: bool) {
    if terminal {
        let mut visible = String::new();
        let whole = push_visible(&mut visible, part, MAX_PRINTED, |c| c == '\n' || c == '\t');
        text.extend_from_slice(visible.as_bytes());
        if whole {
            return;
        }
    } else if let Some(beginning) = part.get(..MAX_PRINTED) {
        text.extend_from_slice(beginning);
    } else {
        text.extend_from_slice(part);
        return;
    }
    text.extend_from_slice(" … [cut]".as_bytes());
}

fn low_bits(code: i32) -> u8 {
    code.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn printed(ending: &Ending, terminal: bool) -> String {
        let mut out = Vec::new();
        ending.print(&mut out, terminal).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    fn failed(message: &[u8], traceback: &[u8]) -> Ending {
        Ending::Failed { message: message.to_vec(), traceback: traceback.to_vec() }
    }

    #[test]
    fn every_ending_has_its_exit_code() {
        assert_eq!(Ending::Done.exit_code(), 0);
        assert_eq!(Ending::Exit(7).exit_code(), 7);
        assert_eq!(Ending::Exit(256 + 7).exit_code(), 7);
        assert_eq!(Ending::Exit(-1).exit_code(), 255);
        assert_eq!(Ending::Exit(i32::MIN).exit_code(), 0);
        assert_eq!(failed(b"x", b"").exit_code(), 1);
        assert_eq!(Ending::from(Failure::new(Kind::Limit, "")).exit_code(), 3);
        assert_eq!(Ending::Usage { message: String::new() }.exit_code(), 2);
        assert_eq!(Ending::Signal(2).exit_code(), 130);
        assert_eq!(Ending::Signal(15).exit_code(), 143);
    }

    #[test]
    fn a_failure_of_a_limit_ends_as_one() {
        assert_eq!(Ending::from(Failure::new(Kind::TooLarge, "big")).exit_code(), 3);
        assert_eq!(Ending::from(Failure::new(Kind::Io, "gone")), failed(b"gone", b""));
    }

    #[test]
    fn a_failure_is_one_line_and_the_traceback() {
        let ending = failed(b"main.lua:1: no", b"stack traceback:\n\tmain.lua:1: in main chunk");
        assert_eq!(
            printed(&ending, true),
            "error: main.lua:1: no\nstack traceback:\n\tmain.lua:1: in main chunk\n"
        );
        assert_eq!(printed(&failed(b"x\n", b""), false), "error: x\n");
        assert_eq!(printed(&failed(b"", b""), false), "error: (no message)\n");
    }

    #[test]
    fn nothing_is_printed_when_nothing_went_wrong() {
        for ending in [Ending::Done, Ending::Exit(3), Ending::Signal(2)] {
            assert_eq!(printed(&ending, true), "");
        }
    }

    #[test]
    fn a_terminal_sees_no_control_characters_of_the_script() {
        let ending = failed(b"\x1b[2Jgone\r\xff", b"\ta\x07\n");
        assert_eq!(printed(&ending, true), "error: \\x1b[2Jgone\\r\\xff\n\ta\\x07\n");
        let mut raw = Vec::new();
        ending.print(&mut raw, false).unwrap();
        assert_eq!(raw, b"error: \x1b[2Jgone\r\xff\n\ta\x07\n");
    }

    #[test]
    fn an_endless_message_is_cut() {
        let ending = failed(&vec![b'x'; 10_000_000], b"");
        for terminal in [true, false] {
            assert!(printed(&ending, terminal).len() < MAX_PRINTED + 100);
        }
    }
}
