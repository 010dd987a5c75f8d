//! Random messages and fields: whatever they hold, the log gets one line of bounded length.

use std::time::UNIX_EPOCH;

use super::*;
use crate::escape::steers;
use crate::fuzz::rounds;

const PIECES: [&str; 15] = [
    "a",
    "plain text",
    "\n",
    "\r",
    "\x1b[2J",
    "\u{202e}",
    "\u{2028}",
    "\"",
    "\\",
    "=",
    "{\"a\":[1,\"\u{85}\"]}",
    "\u{20ac}",
    "\0",
    "\t",
    "ERROR ",
];

#[test]
fn fuzz_lines_of_the_log() {
    rounds(2000, |mut random| {
        // Often as long as a line may be, so that the cut falls anywhere.
        let most = *random.pick(&[20, 200, MAX_LOG_LINE, 2 * MAX_LOG_LINE]);
        let mut message = random.bytes(most, &PIECES);
        if random.one_in(4) {
            message.resize((MAX_LOG_LINE - 200).saturating_add(random.below(200)), b'x');
        }
        let count = random.below(33);
        let texts: Vec<_> = (0..count)
            .map(|_| {
                let name = random.bytes(200, &PIECES);
                let most = *random.pick(&[0, 0, 30, 1000]);
                (name, random.bytes(most, &PIECES), random.one_in(2))
            })
            .collect();
        let fields: Vec<Field<'_>> = texts
            .iter()
            .map(|(name, text, json)| {
                let value = if *json { FieldValue::Json(text) } else { FieldValue::Text(text) };
                (name.as_slice(), value)
            })
            .collect();
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = log_line(format, UNIX_EPOCH, Level::Warn, &message, &fields);
            let inside = line.strip_suffix('\n').unwrap();
            assert!(!inside.contains(steers), "{line:?}");
            assert!(line.len() <= MAX_LOG_LINE, "{} bytes", line.len());
            if format == LogFormat::Json {
                let value: serde_json::Value = serde_json::from_str(inside).unwrap();
                assert_eq!(value.get("level").and_then(|level| level.as_str()), Some("warn"));
                assert!(value.get("message").is_some_and(|message| message.is_string()));
                let known = ["time", "level", "message", "fields", "cut"];
                assert!(value.as_object().unwrap().keys().all(|key| known.contains(&&**key)));
            }
        }
    });
}
