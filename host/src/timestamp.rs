//! Moments as RFC 3339 text, in UTC, to the millisecond.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of a day, without leap seconds, as Unix time counts them.
pub const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Days of 400 years, after which the Gregorian calendar repeats.
const DAYS_AN_ERA: u64 = 146_097;

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

/// `time` as `2026-08-21T12:34:56.789Z` (RFC 3339, section 5.6); a clock before 1970 shows 1970.
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / SECONDS_A_DAY, since.as_secs() % SECONDS_A_DAY);
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month (1 to 12) and day of a count of days since 1970-01-01.
///
/// The year is taken to begin in March, so that the leap day is its last day and the lengths of the
/// months follow one formula (31, 30, 31, 30, 31 days, repeated: 153 days each five months).
pub fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_AN_ERA, days % DAYS_AN_ERA);
    // Of the 400 years each 4th has a leap day, but not the 100th, 200th and 300th.
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (400 * era + year_of_era + next_year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shown(millis: u64) -> String {
        rfc3339(UNIX_EPOCH + Duration::from_millis(millis))
    }

    #[test]
    fn known_moments_are_shown_as_the_calendar_has_them() {
        assert_eq!(shown(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(shown(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(shown(951_868_800_000), "2000-03-01T00:00:00.000Z");
        assert_eq!(shown(1_000_000_000_000), "2001-09-09T01:46:40.000Z");
        assert_eq!(shown(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_of_two_centuries_follows_the_one_before() {
        let each = |year: u64, nth| year.is_multiple_of(nth);
        let leap = |year: u64| each(year, 4) && (!each(year, 100) || each(year, 400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..73_000 {
            assert_eq!(civil_date(days), (year, month, day));
            let length = match month {
                2 if leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn a_clock_before_1970_does_not_fail() {
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    }
}
