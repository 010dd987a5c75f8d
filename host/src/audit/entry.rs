//! A line of an audit log, read back.
//!
//! The file is a stranger's: it may be cut, forged or huge.

use std::io::{self, BufRead, Read};

use serde::Deserialize;

use crate::limits::MAX_AUDIT_LINE;

/// What a line says, without when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    pub(super) capability: String,
    pub(super) operation: String,
    pub(super) target: String,
    /// Of a decision: how it went.
    pub(super) allowed: Option<bool>,
    /// Of a decision: the grant or denial that decided.
    pub(super) rule: Option<String>,
    /// Of an operation: how it ended.
    pub(super) outcome: Option<String>,
    pub(super) bytes: Option<u64>,
}

impl Entry {
    #[cfg(test)]
    pub(super) fn of(target: &str) -> Self {
        let [capability, operation, target] = ["env", "get", target].map(str::to_owned);
        let allowed = Some(true);
        Self { capability, operation, target, allowed, rule: None, outcome: None, bytes: None }
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(line).ok()?;
        (entry.allowed.is_some() != entry.outcome.is_some()).then_some(entry)
    }
}

/// Calls `each` with every line; with none for one that is no line of an audit log.
///
/// # Errors
/// What reading fails with.
pub(super) fn read(
    input: &mut impl BufRead,
    mut each: impl FnMut(Option<Entry>),
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        input.by_ref().take(MAX_AUDIT_LINE).read_until(b'\n', &mut line)?;
        match line.last() {
            None => return Ok(()),
            Some(b'\n') => {}
            Some(_) if line.len() as u64 == MAX_AUDIT_LINE => {
                skip_line(input)?;
                each(None);
                continue;
            }
            // The last line of a run that was killed, perhaps.
            Some(_) => {}
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        each(Entry::parse(&line));
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffered = input.fill_buf()?;
        let (length, found) = match buffered.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffered.len(), false),
        };
        input.consume(length);
        if found || length == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn entries(text: &[u8]) -> Vec<Option<String>> {
        let mut found = Vec::new();
        read(&mut &text[..], |entry| found.push(entry.map(|entry| entry.target))).unwrap();
        found
    }

    #[test]
    fn what_is_no_line_is_none_and_the_next_one_is_read() {
        let good = br#"{"capability":"env","operation":"get","target":"A","allowed":true,"rule":null,"time":1.0}"#;
        for bad in [
            &b"nonsense"[..],
            b"{",
            b"[]",
            b"null",
            b"\xff\xff",
            br#"{"capability":"env","operation":"get","target":"A"}"#,
            br#"{"capability":"env","operation":"get","target":7,"allowed":true}"#,
            br#"{"capability":"env","operation":"get","target":"A","allowed":true,"outcome":"ok"}"#,
            br#"{"capability":"env","operation":"get","target":"A","outcome":"ok","bytes":-1}"#,
            &[b'['; 100_000],
            &vec![b'x'; 3 * usize::try_from(MAX_AUDIT_LINE).unwrap()],
        ] {
            let text = [good, &b"\n"[..], bad, b"\r\n\n", good].concat();
            assert_eq!(entries(&text), [Some("A".to_owned()), None, Some("A".to_owned())]);
        }
        assert!(entries(b"\n\n \n").is_empty());
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit() {
        let limit = usize::try_from(MAX_AUDIT_LINE).unwrap();
        let line = |target: &str| {
            format!(r#"{{"capability":"c","operation":"o","target":"{target}","allowed":true}}"#)
                + "\n"
        };
        let fits = "x".repeat(limit - line("").len());
        assert_eq!(entries(line(&fits).as_bytes()), [Some(fits.clone())]);
        assert_eq!(entries(line(&format!("{fits}x")).as_bytes()), [None]);
    }
}
