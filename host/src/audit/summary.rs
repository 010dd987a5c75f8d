//! What an audit log says, line for line of the same kind added up.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use super::entry::{self, Entry};
use super::suggestion::Suggestion;
use crate::escape::push_visible;
use crate::failure::cause;
use crate::limits::MAX_AUDIT_SUMMARY;

/// Bytes that a row is taken to cost beside its texts.
const ROW_OVERHEAD: usize = 256;

/// Widest a column is made for its longest text; longer ones push the rest of their line.
const WIDEST: usize = 72;

/// What is to be printed about a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The file; none is standard input.
    pub file: Option<PathBuf>,
    /// Whether the grants it takes are asked for, instead of the table.
    pub suggest: bool,
}

/// What there is to print.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For standard output.
    pub text: String,
    /// For standard error, a line each.
    pub notes: Vec<String>,
}

/// Reads the log and makes the report of it.
///
/// # Errors
/// One line with the file and why it cannot be read.
#[expect(clippy::disallowed_methods, reason = "the operator names the log")]
pub fn report(order: &Order) -> Result<Report, String> {
    let (name, log) = match &order.file {
        None => ("standard input".to_owned(), Log::read(&mut io::stdin().lock())),
        Some(path) => {
            let log = File::open(path).and_then(|file| Log::read(&mut BufReader::new(file)));
            (visible(&path.to_string_lossy()), log)
        }
    };
    let log =
        log.map_err(|error| format!("failed to read the audit log {name}: {}", cause(&error)))?;
    let mut report = match order.suggest {
        true => Suggestion::of(log.rows.keys()).into_report(),
        false => Report { text: log.table(), notes: Vec::new() },
    };
    if log.unreadable > 0 {
        report.notes.push(format!(
            "{} of {} lines are no lines of an audit log",
            log.unreadable, log.lines
        ));
    }
    if log.left_out > 0 {
        report.notes.push(format!(
            "{} lines are left out: there are too many different ones",
            log.left_out
        ));
    }
    Ok(report)
}

/// What lines that count as one have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) capability: String,
    pub(super) target: String,
    pub(super) operation: String,
    pub(super) result: Outcome,
    pub(super) rule: Option<String>,
}

/// How a decision went or an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Allowed,
    Denied,
    Ended(String),
}

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    bytes: Option<u64>,
}

/// A whole log.
#[derive(Debug, Default)]
struct Log {
    rows: BTreeMap<Row, Tally>,
    size: usize,
    lines: u64,
    unreadable: u64,
    left_out: u64,
}

impl Log {
    fn read(input: &mut impl BufRead) -> io::Result<Self> {
        let mut log = Self::default();
        entry::read(input, |entry| log.add(entry))?;
        Ok(log)
    }

    fn add(&mut self, entry: Option<Entry>) {
        self.lines += 1;
        let Some(entry) = entry else {
            self.unreadable += 1;
            return;
        };
        let Entry { capability, operation, target, allowed, rule, outcome, bytes } = entry;
        let result = match (allowed, outcome) {
            (Some(true), _) => Outcome::Allowed,
            (Some(false), _) => Outcome::Denied,
            (None, outcome) => Outcome::Ended(outcome.unwrap_or_default()),
        };
        let row = Row { capability, target, operation, result, rule };
        if !self.rows.contains_key(&row) {
            let size = self.size.saturating_add(row.size());
            if size > MAX_AUDIT_SUMMARY {
                self.left_out += 1;
                return;
            }
            self.size = size;
        }
        let tally = self.rows.entry(row).or_default();
        tally.count += 1;
        if let Some(bytes) = bytes {
            tally.bytes = Some(tally.bytes.unwrap_or(0).saturating_add(bytes));
        }
    }

    fn table(&self) -> String {
        let head = ["CAPABILITY", "TARGET", "OPERATION", "RESULT", "COUNT", "BYTES", "RULE"];
        let cells = self.rows.iter().map(|(row, tally)| {
            [
                visible(&row.capability),
                visible(&row.target),
                visible(&row.operation),
                match &row.result {
                    Outcome::Allowed => "allowed".to_owned(),
                    Outcome::Denied => "denied".to_owned(),
                    Outcome::Ended(outcome) => visible(outcome),
                },
                tally.count.to_string(),
                tally.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string()),
                row.rule.as_deref().map_or_else(|| "-".to_owned(), visible),
            ]
        });
        let lines: Vec<[String; 7]> = [head.map(str::to_owned)].into_iter().chain(cells).collect();
        let mut widths = [0; 7];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().min(WIDEST).max(*width);
            }
        }
        let mut table = String::new();
        for line in &lines {
            let mut text = String::new();
            for (at, (cell, width)) in line.iter().zip(widths).enumerate() {
                // Numbers stand to the right.
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if matches!(at, 4 | 5) {
                    (padding.as_str(), "")
                } else {
                    ("", padding.as_str())
                };
                text.extend([before, cell, after, "  "]);
            }
            table.push_str(text.trim_end());
            table.push('\n');
        }
        table
    }
}

impl Row {
    fn size(&self) -> usize {
        let result = match &self.result {
            Outcome::Ended(outcome) => outcome.len(),
            Outcome::Allowed | Outcome::Denied => 0,
        };
        let texts = [&self.capability, &self.target, &self.operation].map(String::len);
        let rule = self.rule.as_ref().map_or(0, String::len);
        texts.iter().sum::<usize>() + result + rule + ROW_OVERHEAD
    }
}

/// Text of a log as it may stand on a terminal.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::new();
    push_visible(&mut shown, text.as_bytes(), usize::MAX, |_| false);
    shown
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn decision(target: &str, allowed: bool) -> String {
        let target = serde_json::Value::from(target);
        format!(
            r#"{{"capability":"env","operation":"get","target":{target},"allowed":{allowed},"rule":null}}"#
        ) + "\n"
    }

    fn log(text: &str) -> Log {
        Log::read(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn lines_of_one_kind_are_added_up() {
        let operation = |bytes: u64| {
            format!(
                r#"{{"capability":"c","operation":"o","target":"t","outcome":"200","bytes":{bytes}}}"#
            ) + "\n"
        };
        let text = [
            decision("A", true),
            operation(7),
            decision("A", false),
            operation(u64::MAX),
            decision("A", true),
        ];
        let log = log(&text.concat());
        assert_eq!(
            log.table(),
            "CAPABILITY  TARGET  OPERATION  RESULT   COUNT                 BYTES  RULE\n\
             c           t       o          200          2  18446744073709551615  -\n\
             env         A       get        allowed      2                     -  -\n\
             env         A       get        denied       1                     -  -\n"
        );
        assert_eq!((log.lines, log.unreadable, log.left_out), (5, 0, 0));
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let table = log(&decision("a\x1b[2J\n\u{202e}b", true)).table();
        assert!(table.contains("a\\x1b[2J\\n\\u{202e}b"), "{table}");
        assert!(table.bytes().all(|byte| byte == b'\n' || byte >= b' '), "{table:?}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut log = Log::default();
        let target = "x".repeat(60_000);
        for number in 0..10 * MAX_AUDIT_SUMMARY / target.len() {
            log.add(Some(Entry::of(&format!("{number}{target}"))));
        }
        assert!(log.size <= MAX_AUDIT_SUMMARY && log.left_out > 0);
        let (rows, left_out) = (log.rows.len(), log.left_out);
        // What is known goes on being counted.
        log.add(Some(Entry::of(&format!("0{target}"))));
        assert_eq!((log.rows.len(), log.left_out), (rows, left_out));
    }
}
