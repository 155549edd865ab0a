//! Conversion of text and numbers to datetimes, and the fields that the options declare as datetimes.

use std::str::FromStr;

use surrealdb::types::{Datetime, Decimal, Number, Object, Value};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Years 0 to 9999, the range of RFC 3339.
const SECONDS_RANGE: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// The fields at a path, which are stored as datetimes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatetimeField {
    /// Names from the top of the document to the field. In an array, `*` stands for every element and a number for the
    /// element with that index; in an object both are names.
    pub path: Vec<String>,
    /// The form of the values.
    pub form: DatetimeForm,
}

/// How a time is written in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatetimeForm {
    /// RFC 3339 text: date, time and offset.
    Rfc3339,
    /// A number of seconds since 1970-01-01 UTC.
    EpochSeconds,
    /// A number of milliseconds since then.
    EpochMillis,
}

impl DatetimeField {
    /// Stores the field's values as datetimes. Skips fields that are missing or null; a value that is not a time is an
    /// error, a sentence for the sender of the document.
    pub(crate) fn apply(&self, document: &mut Object) -> Result<(), String> {
        let Some((name, rest)) = self.path.split_first() else {
            return Ok(());
        };
        match document.get_mut(name) {
            Some(value) => self.descend(rest, value),
            None => Ok(()),
        }
    }

    fn descend(&self, path: &[String], value: &mut Value) -> Result<(), String> {
        let Some((step, rest)) = path.split_first() else {
            return self.convert(value);
        };
        match value {
            Value::Object(members) => match members.get_mut(step) {
                Some(member) => self.descend(rest, member),
                None => Ok(()),
            },
            Value::Array(items) if step == "*" => items.iter_mut().try_for_each(|item| self.descend(rest, item)),
            Value::Array(items) => match step.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                Some(item) => self.descend(rest, item),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn convert(&self, value: &mut Value) -> Result<(), String> {
        let found = match (self.form, &*value) {
            // `Datetime`: the schema of the message has given the field this type already.
            (_, Value::Null | Value::None | Value::Datetime(_)) => return Ok(()),
            (DatetimeForm::Rfc3339, Value::String(text)) => rfc3339(text),
            (DatetimeForm::EpochSeconds, Value::Number(number)) => from_number(number, 1),
            (DatetimeForm::EpochMillis, Value::Number(number)) => from_number(number, 1_000),
            _ => None,
        };
        let Some(datetime) = found else {
            return Err(format!(
                "field `{}` is not {}{}",
                self.path.join("/"),
                self.form.description(),
                suffix(value)
            ));
        };
        *value = Value::Datetime(datetime);
        Ok(())
    }
}

impl DatetimeForm {
    fn description(self) -> &'static str {
        match self {
            Self::Rfc3339 => "an RFC 3339 datetime",
            Self::EpochSeconds => "a number of seconds since 1970",
            Self::EpochMillis => "a number of milliseconds since 1970",
        }
    }
}

fn suffix(value: &Value) -> String {
    match value {
        Value::String(text) => format!(": `{text:.64}`"),
        Value::Number(number) => format!(": {number:.64}"),
        _ => String::new(),
    }
}

/// Parses text of exactly this form: date, `T`, time with seconds and at most nanoseconds, `Z` or an offset.
/// SurrealDB's own parser accepts more, such as a date alone.
pub(crate) fn rfc3339(text: &str) -> Option<Datetime> {
    let matches = |form: &str, text: &str| {
        form.len() == text.len()
            && form.bytes().zip(text.bytes()).all(|(form, byte)| match form {
                b'0' => byte.is_ascii_digit(),
                form => form.eq_ignore_ascii_case(&byte),
            })
    };
    let (time, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    if !matches("0000-00-00T00:00:00", time) {
        return None;
    }
    let fraction = rest
        .strip_prefix('.')
        .map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let offset = match fraction {
        None => rest,
        Some(digits @ 1..=9) => rest.get(1 + digits..)?,
        Some(_) => return None,
    };
    if !matches("Z", offset) && !matches("+00:00", offset) && !matches("-00:00", offset) {
        return None;
    }
    Datetime::from_str(&text.to_ascii_uppercase()).ok()
}

/// Converts a whole number of units since 1970-01-01 UTC.
pub(crate) fn from_units(units: i64, per_second: u32) -> Option<Datetime> {
    let per_second = i64::from(per_second);
    let seconds = units.div_euclid(per_second);
    let nanos = units.rem_euclid(per_second) * (NANOS_PER_SECOND / per_second);
    from_seconds(seconds, nanos)
}

/// Returns the beginning of a day, given in days since 1970-01-01.
pub(crate) fn from_days(days: i64) -> Option<Datetime> {
    from_seconds(days.checked_mul(24 * 60 * 60)?, 0)
}

fn from_seconds(seconds: i64, nanos: i64) -> Option<Datetime> {
    if !SECONDS_RANGE.contains(&seconds) {
        return None;
    }
    Datetime::from_timestamp(seconds, u32::try_from(nanos).ok()?)
}

/// Converts a number of units, which may have a fraction. Digits below a nanosecond are cut off.
fn from_number(number: &Number, per_second: u32) -> Option<Datetime> {
    let decimal = match number {
        Number::Int(units) => return from_units(*units, per_second),
        Number::Float(units) => Decimal::from_str(&units.to_string()).ok()?,
        Number::Decimal(units) => *units,
    };
    let (whole, per_second) = (decimal.floor(), i64::from(per_second));
    let fraction = (decimal - whole).checked_mul(Decimal::from(NANOS_PER_SECOND / per_second))?;
    let whole = i64::try_from(whole).ok()?;
    let nanos =
        whole.rem_euclid(per_second) * (NANOS_PER_SECOND / per_second) + i64::try_from(fraction.floor()).ok()?;
    from_seconds(whole.div_euclid(per_second), nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc_3339_text_is_accepted() {
        for (text, same) in [
            ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
            ("2024-01-01t12:34:56.123456789z", "2024-01-01T12:34:56.123456789Z"),
            ("2024-01-01T00:00:00+02:00", "2023-12-31T22:00:00Z"),
            ("2024-02-29T23:59:59.5-23:59", "2024-03-01T23:58:59.500Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                rfc3339(text).map(|moment| moment.to_string()).as_deref(),
                Some(same),
                "{text}"
            );
        }
        for text in [
            "2024-01-01",
            "2024-01-01T00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00.1234567890Z",
            "2024-01-01T00:00:00+0200",
            "2024-01-01T00:00:00 Z",
            "2024-13-01T00:00:00Z",
            "2024-02-30T00:00:00Z",
            "2024-01-01T25:00:00Z",
            "+2024-01-01T00:00:00Z",
            "12024-01-01T00:00:00Z",
            "1704067200",
            "yesterday",
            "",
            "२०२४-01-01T00:00:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_become_datetimes_with_nanoseconds() {
        let text = |moment: Option<Datetime>| moment.map(|moment| moment.to_string());
        assert_eq!(text(from_days(0)).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(text(from_days(-1)).as_deref(), Some("1969-12-31T00:00:00Z"));
        assert_eq!(text(from_units(-1, 1_000)).as_deref(), Some("1969-12-31T23:59:59.999Z"));
        assert_eq!(
            text(from_units(1, 1_000_000_000)).as_deref(),
            Some("1970-01-01T00:00:00.000000001Z")
        );
        assert_eq!(from_units(i64::MAX, 1_000), None);
        assert_eq!(from_days(i64::MAX), None);
        let number = |number: Number, per_second| text(from_number(&number, per_second));
        assert_eq!(
            number(Number::Float(1_700_000_000.123), 1).as_deref(),
            Some("2023-11-14T22:13:20.123Z")
        );
        assert_eq!(
            number(Number::Float(-0.5), 1_000).as_deref(),
            Some("1969-12-31T23:59:59.999500Z")
        );
        assert_eq!(number(Number::Float(1e300), 1), None);
        assert_eq!(number(Number::Float(f64::NAN), 1), None);
    }
}
