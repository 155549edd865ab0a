//! RFC 3339 by the calendar, without rounding.

use time::{Date, Month};

/// The day 1970-01-01, counted as Julian days are.
const EPOCH_JULIAN_DAY: i64 = 2_440_588;

/// Seconds of a day.
pub const SECONDS_OF_DAY: i64 = 86_400;

/// A moment, as precise as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970-01-01 UTC.
    pub seconds: i64,
    /// Behind them.
    pub nanos: u32,
    /// Whether there is more behind the nanoseconds.
    pub is_finer: bool,
    /// The day where it was written, since 1970-01-01.
    pub local_day: i64,
}

/// A day, as `2024-01-31`, counted from 1970-01-01.
pub fn day(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(number(bytes, 0..4)?).ok()?;
    let month = Month::try_from(u8::try_from(number(bytes, 5..7)?).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(number(bytes, 8..10)?).ok()?).ok()?;
    Some(i64::from(date.to_julian_day()) - EPOCH_JULIAN_DAY)
}

/// A moment, as `2024-01-31T09:30:00.5+01:00`. A leap second is none: no column holds one.
pub fn moment(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let local_day = day(text.get(..10)?)?;
    if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't' | b' ') || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let (hours, minutes, seconds) = (number(bytes, 11..13)?, number(bytes, 14..16)?, number(bytes, 17..19)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|digit: char| !digit.is_ascii_digit())?),
        None => ("", rest),
    };
    if fraction.is_empty() && rest.starts_with('.') {
        return None;
    }
    let (nanos, finer) = fraction.split_at(fraction.len().min(9));
    Some(Moment {
        seconds: local_day * SECONDS_OF_DAY + hours * 3600 + minutes * 60 + seconds - offset(zone)?,
        nanos: format!("{nanos:0<9}").parse().ok()?,
        is_finer: finer.bytes().any(|digit| digit != b'0'),
        local_day,
    })
}

/// The offset from UTC, in seconds.
fn offset(zone: &str) -> Option<i64> {
    let bytes = zone.as_bytes();
    let sign = match bytes.first()? {
        b'Z' | b'z' if bytes.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    if bytes.len() != 6 || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (number(bytes, 1..3)?, number(bytes, 4..6)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(bytes: &[u8], at: std::ops::Range<usize>) -> Option<i64> {
    let digits = bytes.get(at)?;
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    digits
        .iter()
        .try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_counted_from_1970() {
        assert_eq!(
            (day("1970-01-01"), day("2024-02-29"), day("1900-01-01")),
            (Some(0), Some(19_782), Some(-25_567))
        );
        let of = |text: &str| moment(text).map(|moment| (moment.seconds, moment.nanos, moment.is_finer));
        assert_eq!(of("1970-01-01T00:00:00Z"), Some((0, 0, false)));
        assert_eq!(
            of("2024-01-31T09:30:00.25+01:30"),
            Some((1_706_688_000, 250_000_000, false))
        );
        assert_eq!(of("1969-12-31T23:59:59.999999999Z"), Some((-1, 999_999_999, false)));
        assert_eq!(
            of("9999-12-31 23:59:59.0000000001-00:00"),
            Some((253_402_300_799, 0, true))
        );
        assert_eq!(
            moment("2024-01-31T23:30:00-01:00").map(|moment| moment.local_day),
            day("2024-01-31")
        );
    }

    #[test]
    fn what_is_not_rfc_3339_is_none() {
        for text in [
            "2024-01-31",
            "2024-01-31T09:30:00",
            "2024-01-31T09:30Z",
            "2024-02-30T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-31T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "2024-01-31T09:30:00.Z",
            "2024-01-31T09:30:00.5",
            "2024-01-31T09:30:00+0100",
            "2024-01-31T09:30:00+24:00",
            "24-01-31T09:30:00Z",
            "２024-01-31T09:30:00Z",
            "",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert!(day("2023-02-29").is_none() && day("20240131").is_none() && day("2024-1-31").is_none());
    }
}
