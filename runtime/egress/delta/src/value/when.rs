//! Dates and moments of columns.

use std::{borrow::Cow, ops::RangeInclusive};

use danube_wasm_egress_common::json::{JsonKind, Number, day, moment, text};
use danube_wasm_model::FieldType;

type Why = Cow<'static, str>;

/// 0001-01-01 to 9999-12-31, which every reader shows.
const DAYS: RangeInclusive<i64> = -719_162..=2_932_896;
const MICROS_OF_SECOND: i64 = 1_000_000;
const MICROS_OF_DAY: i64 = 86_400 * MICROS_OF_SECOND;
const OUTSIDE: &str = "it is not from year 1 to 9999";
const FINER: &str = "it is finer than a microsecond";

/// Days since 1970: of `2024-01-31`, or of a number where the message's schema says that it is a date.
pub(super) fn date(value: &str, schema: Option<FieldType>) -> Result<i64, Why> {
    let days = match (JsonKind::of(value), schema) {
        (JsonKind::String, _) => day(&text(value)?).ok_or("it is not a date such as 2024-01-31")?,
        (JsonKind::Number, Some(FieldType::Date)) => value.parse().map_err(|_| "it is not a number of days")?,
        _ => return Err("it is not a date such as \"2024-01-31\"".into()),
    };
    within(days, DAYS)
}

/// The day in UTC of a moment.
pub(crate) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(MICROS_OF_DAY)
}

/// Microseconds since 1970 UTC: of RFC 3339 with an offset, or of a number of microseconds, or of what the message's schema says
/// that a number counts.
pub(super) fn timestamp(value: &str, schema: Option<FieldType>) -> Result<i64, Why> {
    match JsonKind::of(value) {
        JsonKind::String => {
            let text = text(value)?;
            let moment = moment(&text).ok_or("it is not a moment of RFC 3339 such as 2024-01-31T09:30:00Z")?;
            micros(moment.seconds, moment.nanos, moment.is_finer)
        }
        JsonKind::Number => {
            let per_second = match schema {
                Some(FieldType::Timestamp { per_second }) => per_second,
                _ => 1_000_000,
            };
            since_1970(value, per_second)
        }
        _ => Err("it is neither a text nor a number".into()),
    }
}

/// Microseconds since 1970 on a clock of no zone: of `2024-01-31T09:30:00`.
pub(super) fn local_timestamp(value: &str) -> Result<i64, Why> {
    let text = text(value)?;
    // What has a zone already has one too many then.
    let moment = moment(&format!("{text}Z")).ok_or("it is not a time without a zone such as 2024-01-31T09:30:00")?;
    micros(moment.seconds, moment.nanos, moment.is_finer)
}

fn micros(seconds: i64, nanos: u32, is_finer: bool) -> Result<i64, Why> {
    if is_finer || !nanos.is_multiple_of(1_000) {
        return Err(FINER.into());
    }
    in_years(seconds * MICROS_OF_SECOND + i64::from(nanos / 1_000))
}

fn since_1970(value: &str, per_second: u32) -> Result<i64, Why> {
    let number = Number::parse(value).ok_or("it is not a number")?;
    // From units to nanoseconds, which every unit is a whole number of.
    let scaled = number.scaled(9 - per_second.ilog10().min(9)).ok_or(OUTSIDE)?;
    let nanos = match scaled.digits.as_str() {
        "" => 0,
        digits => digits.parse::<i128>().map_err(|_| OUTSIDE)?,
    };
    if !scaled.is_exact || nanos % 1_000 != 0 {
        return Err(FINER.into());
    }
    let micros = nanos / 1_000 * if number.is_negative { -1 } else { 1 };
    in_years(i64::try_from(micros).map_err(|_| OUTSIDE)?)
}

fn in_years(micros: i64) -> Result<i64, Why> {
    within(day_of(micros), DAYS).map(|_| micros)
}

fn within(days: i64, range: RangeInclusive<i64>) -> Result<i64, Why> {
    range.contains(&days).then_some(days).ok_or_else(|| OUTSIDE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_utc_and_keep_their_microseconds() {
        assert_eq!(timestamp("\"1970-01-01T01:00:00.000001+01:00\"", None), Ok(1));
        assert_eq!(timestamp("\"0001-01-01T00:00:00Z\"", None), Ok(-62_135_596_800_000_000));
        assert_eq!(
            timestamp("\"9999-12-31T23:59:59.999999Z\"", None),
            Ok(253_402_300_799_999_999)
        );
        assert_eq!(timestamp("1704067200000000", None), Ok(1_704_067_200_000_000));
        let millis = Some(FieldType::Timestamp { per_second: 1_000 });
        assert_eq!(timestamp("-1", millis), Ok(-1_000));
        let nanos = Some(FieldType::Timestamp {
            per_second: 1_000_000_000,
        });
        assert_eq!(timestamp("1500", nanos), Err(FINER.into()));
        assert_eq!(timestamp("2000", nanos), Ok(2));
    }

    #[test]
    fn moments_that_are_none_are_refused() {
        for value in [
            "\"2024-01-31T09:30:00\"",
            "\"2016-12-31T23:59:60Z\"",
            "\"0001-01-01T00:00:00+00:01\"",
            "\"9999-12-31T23:59:59-00:01\"",
            "\"2024-01-31T09:30:00.0000001Z\"",
            "1e30",
            "true",
        ] {
            timestamp(value, None).expect_err(value);
        }
        assert_eq!(local_timestamp("\"1970-01-01T00:00:01\""), Ok(1_000_000));
        for value in ["\"1970-01-01T00:00:01Z\"", "\"1970-01-01T00:00:01+01:00\"", "1"] {
            local_timestamp(value).expect_err(value);
        }
    }

    #[test]
    fn days_are_dates_or_what_a_schema_calls_one() {
        assert_eq!(date("\"1970-01-02\"", None), Ok(1));
        assert_eq!(date("-1", Some(FieldType::Date)), Ok(-1));
        for value in [
            "19700102",
            "\"1970-01-02T00:00:00Z\"",
            "\"1970-02-30\"",
            "\"0000-12-31\"",
        ] {
            date(value, None).expect_err(value);
        }
        assert_eq!((day_of(-1), day_of(0)), (-1, 0));
    }
}
