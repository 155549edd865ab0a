//! Dates and moments.

use std::{borrow::Cow, ops::RangeInclusive};

use danube_wasm_egress_common::json::{self, Moment, Number, SECONDS_OF_DAY};

use super::{JsonKind, text};
use crate::types::Type;

type Why = Cow<'static, str>;

/// How dates and moments are written in documents.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// Units of a second that numbers count; without, numbers are refused.
    pub(super) per_second: Option<u32>,
    /// Whether numbers count days.
    pub(super) in_days: bool,
    /// Whether what is finer than the column is cut.
    pub(super) truncate: bool,
}

/// 1970-01-01 to 2149-06-06.
const DATE: RangeInclusive<i64> = 0..=65_535;
/// 1900-01-01 to 2299-12-31.
const DATE32: RangeInclusive<i64> = -25_567..=120_529;
/// 1970-01-01 to 2106-02-07, 06:28:15.
const DATETIME: RangeInclusive<i64> = 0..=4_294_967_295;
/// 1900-01-01 to the end of 2299.
const DATETIME64: RangeInclusive<i64> = -2_208_988_800..=10_413_791_999;

/// Writes a value of one of the four types of dates.
pub(super) fn put(of: &Type, value: &str, form: Form, out: &mut Vec<u8>) -> Result<(), Why> {
    match of {
        Type::Date => {
            let day = within(day(value, form)?, &DATE, "1970-01-01 to 2149-06-06")?;
            out.extend_from_slice(&day.to_le_bytes()[..2]);
        }
        Type::Date32 => {
            let day = within(day(value, form)?, &DATE32, "1900-01-01 to 2299-12-31")?;
            out.extend_from_slice(&day.to_le_bytes()[..4]);
        }
        Type::DateTime64(digits) => {
            let ticks = ticks(moment(value, form)?, *digits, form.truncate)?;
            out.extend_from_slice(&ticks.to_le_bytes());
        }
        _ => {
            let moment = moment(value, form)?;
            let seconds = within(
                moment.seconds,
                &DATETIME,
                "1970-01-01T00:00:00Z to 2106-02-07T06:28:15Z",
            )?;
            if (moment.nanos != 0 || moment.is_finer) && !form.truncate {
                return Err(FINER.into());
            }
            out.extend_from_slice(&seconds.to_le_bytes()[..4]);
        }
    }
    Ok(())
}

const FINER: &str = "it is finer than the column (`truncate = true` cuts it)";

fn within(value: i64, range: &RangeInclusive<i64>, shown: &str) -> Result<i64, Why> {
    match range.contains(&value) {
        true => Ok(value),
        false => Err(format!("it is not from {shown}").into()),
    }
}

fn ticks(moment: Moment, digits: u32, truncate: bool) -> Result<i64, Why> {
    within(moment.seconds, &DATETIME64, "1900-01-01 to 2299-12-31")?;
    let unit = 10_u32.pow(9_u32.saturating_sub(digits));
    if (!moment.nanos.is_multiple_of(unit) || moment.is_finer) && !truncate {
        return Err(FINER.into());
    }
    let per_second = 10_i64.pow(digits);
    let whole = moment.seconds.checked_mul(per_second);
    let ticks = whole.and_then(|whole| whole.checked_add(i64::from(moment.nanos / unit)));
    ticks.ok_or_else(|| "it is after 2262-04-11T23:47:16Z, the last moment of nine digits".into())
}

fn day(value: &str, form: Form) -> Result<i64, Why> {
    if JsonKind::of(value) == JsonKind::Number && form.in_days {
        return value.parse().map_err(|_| "it is not a number of days".into());
    }
    if JsonKind::of(value) == JsonKind::String
        && let Some(day) = json::day(&text(value)?)
    {
        return Ok(day);
    }
    let moment = moment(value, form).map_err(|why| match JsonKind::of(value) {
        JsonKind::String => "it is not a date such as 2024-01-31".into(),
        _ => why,
    })?;
    let starts_a_day = moment.seconds == moment.local_day * SECONDS_OF_DAY && moment.nanos == 0 && !moment.is_finer;
    match starts_a_day || form.truncate {
        true => Ok(moment.local_day),
        false => Err("it has a time of day (`truncate = true` cuts it)".into()),
    }
}

fn moment(value: &str, form: Form) -> Result<Moment, Why> {
    match (JsonKind::of(value), form.per_second) {
        (JsonKind::String, _) => json::moment(&text(value)?)
            .ok_or_else(|| "it is not a moment of RFC 3339 such as 2024-01-31T09:30:00Z".into()),
        (JsonKind::Number, Some(per_second)) => since_1970(value, per_second),
        (JsonKind::Number, None) => Err("it is a number, and `epoch` does not say what it counts".into()),
        _ => Err("it is neither a text nor a number".into()),
    }
}

fn since_1970(value: &str, per_second: u32) -> Result<Moment, Why> {
    let number = Number::parse(value).ok_or("it is not a number")?;
    let outside = || Why::from("it is far from every date");
    let scaled = number.scaled(9 - per_second.ilog10().min(9)).ok_or_else(outside)?;
    let nanos = if scaled.digits.is_empty() {
        Ok(0)
    } else {
        scaled.digits.parse::<i128>()
    };
    let nanos = nanos.map_err(|_| outside())?;
    let nanos = if number.is_negative { -nanos } else { nanos };
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).map_err(|_| outside())?;
    Ok(Moment {
        seconds,
        nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).map_err(|_| outside())?,
        is_finer: !scaled.is_exact,
        local_day: seconds.div_euclid(SECONDS_OF_DAY),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Form = Form {
        per_second: None,
        in_days: false,
        truncate: false,
    };
    const MILLIS: Form = Form {
        per_second: Some(1_000),
        ..TEXT
    };
    const CUT: Form = Form {
        truncate: true,
        ..MILLIS
    };

    fn stored(of: &Type, value: &str, form: Form) -> Result<i64, String> {
        let mut out = Vec::new();
        put(of, value, form, &mut out).map_err(Cow::into_owned)?;
        let is_negative = matches!(of, Type::Date32) && out.last().is_some_and(|byte| byte & 0x80 != 0);
        out.resize(8, if is_negative { 0xff } else { 0 });
        Ok(i64::from_le_bytes(out.try_into().expect("8 bytes")))
    }

    #[test]
    fn the_ends_of_each_range_are_held_and_what_is_past_them_refused() {
        for (of, first, last, before, after) in [
            (
                Type::Date,
                "\"1970-01-01\"",
                "\"2149-06-06\"",
                "\"1969-12-31\"",
                "\"2149-06-07\"",
            ),
            (
                Type::Date32,
                "\"1900-01-01\"",
                "\"2299-12-31\"",
                "\"1899-12-31\"",
                "\"2300-01-01\"",
            ),
            (
                Type::DateTime,
                "\"1970-01-01T00:00:00Z\"",
                "\"2106-02-07T06:28:15Z\"",
                "\"1969-12-31T23:59:59Z\"",
                "\"2106-02-07T06:28:16Z\"",
            ),
            (
                Type::DateTime64(3),
                "\"1900-01-01T00:00:00Z\"",
                "\"2299-12-31T23:59:59.999Z\"",
                "\"1899-12-31T23:59:59.999Z\"",
                "\"2300-01-01T00:00:00Z\"",
            ),
            (
                Type::DateTime64(9),
                "\"1900-01-01T00:00:00Z\"",
                "\"2262-04-11T23:47:16.854775807Z\"",
                "\"0001-01-01T00:00:00Z\"",
                "\"2262-04-11T23:47:16.854775808Z\"",
            ),
        ] {
            for inside in [first, last] {
                stored(&of, inside, TEXT).unwrap_or_else(|why| panic!("{of:?} {inside}: {why}"));
            }
            for outside in [before, after] {
                stored(&of, outside, TEXT).expect_err(outside);
            }
        }
    }

    #[test]
    fn what_is_finer_is_refused_or_cut() {
        let fine = "\"2024-01-01T00:00:00.1234Z\"";
        assert!(
            stored(&Type::DateTime64(3), fine, TEXT)
                .expect_err("finer")
                .contains("finer")
        );
        assert_eq!(stored(&Type::DateTime64(3), fine, CUT), Ok(1_704_067_200_123));
        assert_eq!(
            stored(&Type::DateTime64(3), "\"2024-01-01T00:00:00.1230Z\"", TEXT),
            Ok(1_704_067_200_123)
        );
        assert!(stored(&Type::DateTime, fine, TEXT).is_err());
        assert_eq!(stored(&Type::DateTime, fine, CUT), Ok(1_704_067_200));
        assert!(
            stored(&Type::Date, "\"2024-01-01T01:00:00Z\"", TEXT)
                .expect_err("a time")
                .contains("time of day")
        );
        assert_eq!(stored(&Type::Date, "\"2024-01-01T01:00:00Z\"", CUT), Ok(19_723));
    }

    #[test]
    fn numbers_count_what_the_file_says() {
        assert_eq!(
            stored(&Type::DateTime64(3), "1704067200123", MILLIS),
            Ok(1_704_067_200_123)
        );
        assert_eq!(stored(&Type::DateTime64(6), "-0.5", MILLIS), Ok(-500));
        assert_eq!(stored(&Type::DateTime, "1704067200000", MILLIS), Ok(1_704_067_200));
        assert!(stored(&Type::DateTime, "1704067200123", MILLIS).is_err());
        assert!(
            stored(&Type::DateTime, "1704067200", TEXT)
                .expect_err("a number")
                .contains("`epoch`")
        );
        assert!(stored(&Type::DateTime, "1e300", MILLIS).is_err());
        let days = Form { in_days: true, ..TEXT };
        assert_eq!(stored(&Type::Date32, "-1", days), Ok(-1));
    }
}
