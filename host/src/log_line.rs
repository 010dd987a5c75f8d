//! One line of the log, as text or as JSON.
//!
//! Text: `2026-08-21T12:34:56.789Z INFO  message name=value`. JSON: an object with `time`, `level`,
//! `message`, then `fields` if there are any (in an object of their own, so that no field can pose
//! as the time or the message), and `cut` if something had to be left out. Whatever message and
//! fields hold, the result is one line of at most [`MAX_LOG_LINE`] bytes, newline included.

use std::time::SystemTime;

use crate::escape::{plain_json, push_json_string, push_visible};
use crate::limits::MAX_LOG_LINE;
use crate::timestamp::rfc3339;

/// Longest name of a field; the rest is cut.
const MAX_FIELD_NAME: usize = 128;

/// What a cut line of text ends with.
const CUT: &str = " … [cut]";

/// What is kept free for the end of a line: closing brackets, the remark about the cut, a newline.
const RESERVE: usize = 64;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever looks for a fault.
    Debug,
    /// What happened.
    Info,
    /// What may become a fault.
    Warn,
    /// A fault.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The name in the text form, all of one width so that the messages stand in a column.
    fn column(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO ",
            Self::Warn => "WARN ",
            Self::Error => "ERROR",
        }
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub enum FieldValue<'a> {
    /// Text of any bytes.
    Text(&'a [u8]),
    /// What should be JSON text; if it is not, it is shown as text.
    Json(&'a [u8]),
}

/// A named value beside the message.
pub type Field<'a> = (&'a [u8], FieldValue<'a>);

/// The line, with its newline.
pub fn log_line(
    format: LogFormat,
    time: SystemTime,
    level: Level,
    message: &[u8],
    fields: &[Field<'_>],
) -> String {
    match format {
        LogFormat::Text => text_line(time, level, message, fields),
        LogFormat::Json => json_line(time, level, message, fields),
    }
}

/// The line of a warning of Lua's own, with its newline: as text in the words of a native Lua.
pub fn warning_line(format: LogFormat, time: SystemTime, message: &[u8]) -> String {
    let mut out = "Lua warning: ".to_owned();
    match format {
        LogFormat::Json => json_line(time, Level::Warn, &[out.as_bytes(), message].concat(), &[]),
        LogFormat::Text => {
            if !push_visible(&mut out, message, MAX_LOG_LINE - RESERVE, |_| false) {
                out.push_str(CUT);
            }
            out.push('\n');
            out
        }
    }
}

fn text_line(time: SystemTime, level: Level, message: &[u8], fields: &[Field<'_>]) -> String {
    const END: usize = MAX_LOG_LINE - RESERVE;
    let mut out = format!("{} {} ", rfc3339(time), level.column());
    let mut whole = push_visible(&mut out, message, END, |_| false);
    for (name, value) in fields {
        whole &= out.len() < END;
        if !whole {
            break;
        }
        out.push(' ');
        let name_end = END.min(out.len() + MAX_FIELD_NAME);
        push_word(&mut out, name, name_end);
        out.push('=');
        whole = match value {
            FieldValue::Text(text) => push_word(&mut out, text, END),
            FieldValue::Json(json) => push_visible(&mut out, json, END, |_| false),
        };
    }
    if !whole {
        out.push_str(CUT);
    }
    out.push('\n');
    out
}

fn json_line(time: SystemTime, level: Level, message: &[u8], fields: &[Field<'_>]) -> String {
    const END: usize = MAX_LOG_LINE - RESERVE;
    let mut out =
        format!("{{\"time\":\"{}\",\"level\":\"{}\",\"message\":", rfc3339(time), level.name());
    let mut whole = push_json_string(&mut out, message, END);
    let mut separator = ",\"fields\":{";
    for (name, value) in fields {
        // A field is begun only if at least its name has room.
        if out.len() + separator.len() + MAX_FIELD_NAME >= END {
            whole = false;
            break;
        }
        out.push_str(separator);
        separator = ",";
        let name_end = out.len() + MAX_FIELD_NAME;
        push_json_string(&mut out, name, name_end);
        out.push(':');
        whole &= push_json_value(&mut out, *value, END);
    }
    if separator == "," {
        out.push('}');
    }
    if !whole {
        out.push_str(",\"cut\":true");
    }
    out.push_str("}\n");
    out
}

/// Appends text as it is if it is one plain word, else as a JSON string.
fn push_word(out: &mut String, text: &[u8], end: usize) -> bool {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'=' | b'\\');
    if text.is_empty() || text.len() > MAX_LOG_LINE || !text.iter().all(plain) {
        return push_json_string(out, text, end);
    }
    push_visible(out, text, end, |_| false)
}

fn push_json_value(out: &mut String, value: FieldValue<'_>, end: usize) -> bool {
    let text = match value {
        FieldValue::Text(text) => return push_json_string(out, text, end),
        FieldValue::Json(text) => text,
    };
    // Parsed only when it may fit, so that the work is bounded; a tree too deep for the parser is
    // refused by it and then shown as text.
    if text.len() <= end.saturating_sub(out.len())
        && let Ok(value) = serde_json::from_slice::<serde_json::Value>(text)
    {
        let json = plain_json(&value.to_string());
        if json.len() <= end.saturating_sub(out.len()) {
            out.push_str(&json);
            return true;
        }
    }
    push_json_string(out, text, end)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod fuzz;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::time::UNIX_EPOCH;

    use serde_json::Value;

    use super::*;

    fn text(message: &[u8], fields: &[Field<'_>]) -> String {
        log_line(LogFormat::Text, UNIX_EPOCH, Level::Info, message, fields)
    }

    fn json(message: &[u8], fields: &[Field<'_>]) -> Value {
        let line = log_line(LogFormat::Json, UNIX_EPOCH, Level::Warn, message, fields);
        assert!(line.len() <= MAX_LOG_LINE);
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn a_text_line_has_time_level_message_and_fields() {
        let fields: &[Field<'_>] = &[
            (b"user", FieldValue::Json(b"\"ann\"")),
            (b"route", FieldValue::Text(b"/x/:id")),
            (b"why", FieldValue::Text(b"no such file")),
        ];
        assert_eq!(
            text(b"hello", fields),
            "1970-01-01T00:00:00.000Z INFO  hello user=\"ann\" route=/x/:id why=\"no such file\"\n"
        );
    }

    #[test]
    fn a_json_line_keeps_fields_apart_from_its_own_keys() {
        let fields: &[Field<'_>] =
            &[(b"level", FieldValue::Json(b"[1,2.5,null]")), (b"bad", FieldValue::Json(b"{"))];
        let line = json(b"hi", fields);
        assert_eq!(line["level"], "warn");
        assert_eq!(line["message"], "hi");
        assert_eq!(line["fields"]["level"], serde_json::json!([1, 2.5, null]));
        assert_eq!(line["fields"]["bad"], "{");
        assert_eq!(line.get("cut"), None);
    }

    #[test]
    fn no_message_or_field_can_forge_a_line() {
        let hostile = b"x\n2026-01-01T00:00:00.000Z ERROR forged\r\x1b[2J\xff\xe2\x80\xae";
        let fields: &[Field<'_>] =
            &[(hostile, FieldValue::Json(hostile)), (hostile, FieldValue::Text(hostile))];
        let line = text(hostile, fields);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.trim_end().contains(crate::escape::steers), "{line:?}");
        assert!(json(hostile, fields)["message"].as_str().unwrap().starts_with("x\n2026"));
    }

    #[test]
    fn json_fields_cannot_carry_steering_characters_raw() {
        let value = "\"\u{9b}\u{202e}\"";
        let fields: &[Field<'_>] = &[(b"a", FieldValue::Json(value.as_bytes()))];
        let line = log_line(LogFormat::Json, UNIX_EPOCH, Level::Info, b"m", fields);
        assert!(line.contains("\\u009b\\u202e"), "{line}");
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let long = b"\x1b".repeat(1_000_000);
        let fields: &[Field<'_>] =
            &[(&long, FieldValue::Text(&long)), (b"b", FieldValue::Json(b"1"))];
        for message in [&long[..], b"short"] {
            let line = text(message, fields);
            assert!(line.len() <= MAX_LOG_LINE && line.ends_with("… [cut]\n"));
            assert_eq!(json(message, fields)["cut"], true);
        }
    }

    #[test]
    fn many_fields_are_cut_between_fields() {
        let fields: Vec<Field<'_>> = vec![(b"n", FieldValue::Json(b"12345")); 100_000];
        assert_eq!(json(b"m", &fields)["cut"], true);
        assert!(text(b"m", &fields).len() <= MAX_LOG_LINE);
    }

    #[test]
    fn a_deeply_nested_value_is_shown_as_text() {
        let deep = "[".repeat(5000);
        let fields: &[Field<'_>] = &[(b"d", FieldValue::Json(deep.as_bytes()))];
        assert_eq!(json(b"m", fields)["fields"]["d"], deep);
    }

    #[test]
    fn empty_fields_behind_a_long_message_stay_within_the_bound() {
        let fields = [(&b""[..], FieldValue::Text(b"")); 32];
        for length in MAX_LOG_LINE - 120..MAX_LOG_LINE {
            let line =
                log_line(LogFormat::Text, UNIX_EPOCH, Level::Warn, &vec![b'x'; length], &fields);
            assert!(line.len() <= MAX_LOG_LINE && line.ends_with(" [cut]\n"), "{}", line.len());
        }
    }
}
