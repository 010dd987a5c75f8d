//! Random quantities: refused, or shown so that they can be read again.

use super::*;
use crate::fuzz::rounds;

const PIECES: [&str; 24] = [
    "0",
    "1",
    "9",
    "64",
    "18446744073709551615",
    ".",
    "5",
    "-",
    "+",
    " ",
    "e",
    "KiB",
    "MiB",
    "GiB",
    "MB",
    "k",
    "ms",
    "s",
    "m",
    "h",
    "none",
    "NONE",
    "inf",
    "nan",
];

#[test]
fn fuzz_quantities() {
    rounds(20_000, |mut random| {
        let text = random.text(12, &PIECES);
        if let Ok(size) = parse_size(&text) {
            assert_eq!(parse_size(&show_size(size)), Ok(size), "{text:?}");
        }
        if let Ok(duration) = parse_duration(&text) {
            let shown = show_duration(duration);
            let again = parse_duration(&shown).unwrap();
            let difference = match (duration, again) {
                (Some(one), Some(other)) => one.abs_diff(other),
                (one, other) => {
                    assert_eq!(one, other, "{text:?}");
                    Duration::ZERO
                }
            };
            // Printing goes through a floating-point number of seconds.
            assert!(difference < Duration::from_micros(1), "{text:?}: {shown}");
        }
    });
}
