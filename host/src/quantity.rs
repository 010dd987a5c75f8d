//! Sizes and durations as operators write them: `64MiB`, `500ms`, plain numbers, `none`.
//!
//! The same text is taken from flags and policy files and printed in help and messages, so that
//! what a message shows can be pasted back. Every refusal says what would have been accepted.

use std::time::Duration;

use crate::limits::{GIB, KIB, MIB};

/// Longest duration that is taken. Deadlines are sums of a clock and a duration; a century leaves
/// every clock in range and is "never" to any operator, who can write `none`.
pub const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Digits of a number that are read; more cannot be meant.
const MAX_DIGITS: usize = 20;

/// The suffixes of a size, largest first, as printing wants them.
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", GIB), ("MiB", MIB), ("KiB", KIB), ("B", 1)];

/// The suffixes of a duration in seconds, longest suffix first: `ms` also ends in `s`.
const DURATION_UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a size in bytes: `64MiB`, `1GiB`, `512KiB`, `1048576`; `none` is no limit.
///
/// # Errors
/// One line that says what was wrong and what is accepted.
pub fn parse_size(text: &str) -> Result<Option<u64>, String> {
    const EXPECTED: &str = "a size is a whole number of bytes, or has the unit KiB, MiB or GiB \
                            (64MiB), or is `none`";
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let (number, unit) = split_number(text);
    let factor = if unit.is_empty() {
        1
    } else {
        SIZE_UNITS
            .iter()
            .find(|(name, _)| unit.eq_ignore_ascii_case(name))
            .map(|(_, factor)| *factor)
            .ok_or_else(|| match decimal_twin(unit) {
                Some(twin) => format!(
                    "the unit `{unit}` is not one of ours; did you mean {number}{twin}? {EXPECTED}"
                ),
                None => EXPECTED.to_owned(),
            })?
    };
    if number.is_empty() || number.len() > MAX_DIGITS || !number.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(EXPECTED.to_owned());
    }
    let number: u64 = number.parse().map_err(|_| too_large())?;
    number.checked_mul(factor).map(Some).ok_or_else(too_large)
}

/// Reads a duration: `500ms`, `10s`, `2m`, `1h`, `2.5` (seconds); `none` is no limit.
///
/// # Errors
/// One line that says what was wrong and what is accepted.
pub fn parse_duration(text: &str) -> Result<Option<Duration>, String> {
    const EXPECTED: &str = "a duration is a number of seconds (10, 2.5), or has the unit ms, s, m \
                            or h (500ms, 2m), or is `none`";
    let text = text.trim();
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let (number, unit) = split_number(text);
    let factor = if unit.is_empty() {
        1.0
    } else {
        DURATION_UNITS
            .iter()
            .find(|(name, _)| unit.eq_ignore_ascii_case(name))
            .map(|(_, factor)| *factor)
            .ok_or_else(|| EXPECTED.to_owned())?
    };
    if number.len() > MAX_DIGITS || !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(EXPECTED.to_owned());
    }
    // Only digits and points are left, so this cannot be NaN, infinite or negative.
    let number: f64 = number.parse().map_err(|_| EXPECTED.to_owned())?;
    match Duration::try_from_secs_f64(number * factor) {
        Ok(duration) if duration <= MAX_DURATION => Ok(Some(duration)),
        _ => Err("a duration is at most 100 years; `none` lifts the limit".to_owned()),
    }
}

/// A size as [`parse_size`] reads it, in the largest unit that divides it.
pub fn show_size(size: Option<u64>) -> String {
    match size {
        None => "none".to_owned(),
        Some(0) => "0".to_owned(),
        Some(bytes) => match SIZE_UNITS.iter().find(|(_, factor)| bytes.is_multiple_of(*factor)) {
            Some((unit, factor)) if *factor > 1 => format!("{}{unit}", bytes / factor),
            _ => bytes.to_string(),
        },
    }
}

/// A duration as [`parse_duration`] reads it; below a millisecond it is printed as seconds.
pub fn show_duration(duration: Option<Duration>) -> String {
    let Some(duration) = duration else { return "none".to_owned() };
    let millis = duration.as_millis();
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else if duration.subsec_nanos().is_multiple_of(1_000_000) {
        format!("{millis}ms")
    } else {
        format!("{}s", duration.as_secs_f64())
    }
}

/// The leading digits and points, and the rest.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// The unit of ours that someone who wrote `unit` most likely meant.
fn decimal_twin(unit: &str) -> Option<&'static str> {
    match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" => Some("KiB"),
        "m" | "mb" => Some("MiB"),
        "g" | "gb" => Some("GiB"),
        _ => None,
    }
}

fn too_large() -> String {
    format!("a size is at most {} bytes; `none` lifts the limit", u64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod fuzz;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn sizes_are_read_in_bytes_and_powers_of_1024() {
        assert_eq!(parse_size("64MiB"), Ok(Some(64 * MIB)));
        assert_eq!(parse_size("1GiB"), Ok(Some(GIB)));
        assert_eq!(parse_size("2 kib"), Ok(Some(2 * KIB)));
        assert_eq!(parse_size("1048576"), Ok(Some(MIB)));
        assert_eq!(parse_size("12B"), Ok(Some(12)));
        assert_eq!(parse_size("0"), Ok(Some(0)));
        assert_eq!(parse_size("none"), Ok(None));
    }

    #[test]
    fn a_wrong_size_teaches_the_right_one() {
        let decimal = parse_size("64MB").unwrap_err();
        assert!(decimal.contains("did you mean 64MiB?"), "{decimal}");
        for wrong in ["", "MiB", "-1", "1.5GiB", "1e9", "64 apples", "١", "NaN", "+3"] {
            let message = parse_size(wrong).unwrap_err();
            assert!(message.contains("64MiB"), "{wrong}: {message}");
        }
        for huge in ["18446744073709551616", "99999999999GiB"] {
            assert!(parse_size(huge).unwrap_err().contains("at most"), "{huge}");
        }
        assert!(parse_size(&"9".repeat(10_000)).is_err());
    }

    #[test]
    fn durations_are_read_in_every_unit_and_in_plain_seconds() {
        assert_eq!(parse_duration("500ms"), Ok(Some(Duration::from_millis(500))));
        assert_eq!(parse_duration("10s"), Ok(Some(Duration::from_secs(10))));
        assert_eq!(parse_duration("2m"), Ok(Some(Duration::from_secs(120))));
        assert_eq!(parse_duration("1h"), Ok(Some(Duration::from_secs(3600))));
        assert_eq!(parse_duration("2.5"), Ok(Some(Duration::from_millis(2500))));
        assert_eq!(parse_duration("10"), Ok(Some(Duration::from_secs(10))));
        assert_eq!(parse_duration("0"), Ok(Some(Duration::ZERO)));
        assert_eq!(parse_duration("none"), Ok(None));
    }

    #[test]
    fn a_wrong_duration_teaches_the_right_one() {
        for wrong in ["", "s", "-1", "nan", "inf", "1.2.3", ".5", "5d", "1e300", "ten"] {
            let message = parse_duration(wrong).unwrap_err();
            assert!(message.contains("500ms"), "{wrong}: {message}");
        }
        assert!(parse_duration("99999999999").unwrap_err().contains("100 years"));
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for size in [None, Some(0), Some(1), Some(1023), Some(64 * KIB), Some(GIB), Some(u64::MAX)]
        {
            assert_eq!(parse_size(&show_size(size)), Ok(size));
        }
        for millis in [0, 1, 500, 1000, 1500, 60_000, 3_600_000] {
            let duration = Some(Duration::from_millis(millis));
            assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }
        assert_eq!(show_size(Some(128 * MIB)), "128MiB");
        assert_eq!(show_duration(Some(Duration::from_secs(10))), "10s");
        assert_eq!(show_duration(None), "none");
    }
}
