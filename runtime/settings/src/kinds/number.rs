//! Numbers, booleans and durations.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use toml::de::DeValue;

use super::{super::ValueRef, Kind};

/// `true` or `false`.
pub struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn what(&self) -> String {
        "`true` or `false`".to_owned()
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<bool> {
        if let DeValue::Boolean(value) = input.value {
            return Some(*value);
        }
        let Some(text) = input.reference() else {
            return input.refuse_type(&self.what());
        };
        let value = text?.trim().parse().ok();
        value.or_else(|| refuse_replaced(input, &self.what()))
    }
}

/// A whole number within a range.
pub struct Integer<N>(pub RangeInclusive<N>);

impl<N: Copy + PartialOrd + Display + TryFrom<i128>> Kind for Integer<N> {
    type Value = N;

    fn what(&self) -> String {
        format!("an integer from {} to {}", self.0.start(), self.0.end())
    }

    fn show(&self, value: &N) -> String {
        value.to_string()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<N> {
        let what = self.what();
        let within = |number: i128| N::try_from(number).ok().filter(|n| self.0.contains(n));
        if let DeValue::Integer(written) = input.value {
            let number = i128::from_str_radix(written.as_str(), written.radix()).ok();
            return number.and_then(within).or_else(|| {
                let range = format!("write a number from {} to {}", self.0.start(), self.0.end());
                input.refuse_with(format!("`{}` must be {what}, not {written}", input.name()), range)
            });
        }
        let Some(text) = input.reference() else {
            return input.refuse_type(&what);
        };
        let number = text?.trim().parse().ok();
        number.and_then(within).or_else(|| refuse_replaced(input, &what))
    }
}

/// A decimal number within a range.
pub struct Decimal(pub RangeInclusive<f64>);

impl Kind for Decimal {
    type Value = f64;

    fn what(&self) -> String {
        format!("a number from {:?} to {:?}", self.0.start(), self.0.end())
    }

    fn show(&self, value: &f64) -> String {
        format!("{value:?}")
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<f64> {
        let number: Option<f64> = match input.value {
            DeValue::Float(written) => written.as_str().parse().ok(),
            DeValue::Integer(written) if written.radix() == 10 => written.as_str().parse().ok(),
            _ => return input.refuse_type(&self.what()),
        };
        let within = number.filter(|n| self.0.contains(n));
        within.or_else(|| input.refuse(format!("`{}` must be {}", input.name(), self.what())))
    }
}

/// Milliseconds within a range.
pub struct Millis(pub RangeInclusive<u64>);

impl Kind for Millis {
    type Value = Duration;

    fn what(&self) -> String {
        Integer(self.0.clone()).what() + " (milliseconds)"
    }

    fn show(&self, value: &Duration) -> String {
        value.as_millis().to_string()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Duration> {
        Integer(self.0.clone()).read(input).map(Duration::from_millis)
    }
}

/// Seconds within a range.
pub struct Secs(pub RangeInclusive<u64>);

impl Kind for Secs {
    type Value = Duration;

    fn what(&self) -> String {
        Integer(self.0.clone()).what() + " (seconds)"
    }

    fn show(&self, value: &Duration) -> String {
        value.as_secs().to_string()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Duration> {
        Integer(self.0.clone()).read(input).map(Duration::from_secs)
    }
}

/// Records an error without the value, which came from the environment and may be a secret under the wrong key.
fn refuse_replaced<T>(input: &ValueRef<'_>, what: &str) -> Option<T> {
    input.refuse(format!(
        "`{}` must be {what}; the value from the environment is not",
        input.name()
    ))
}
