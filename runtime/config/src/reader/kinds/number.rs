//! Numbers, booleans and lengths of time.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use toml::de::DeValue;

use super::{super::Spot, Kind};

/// `true` or `false`.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn what(&self) -> String {
        "`true` or `false`".to_owned()
    }

    fn show(&self, value: &bool) -> String {
        value.to_string()
    }

    fn read(&self, spot: &Spot<'_>) -> Option<bool> {
        if let DeValue::Boolean(value) = spot.value {
            return Some(*value);
        }
        let Some(text) = spot.reference() else {
            return spot.refuse_type(&self.what());
        };
        let value = text?.trim().parse().ok();
        value.or_else(|| refuse_replaced(spot, &self.what()))
    }
}

/// A whole number within a range.
pub(crate) struct Integer<N>(pub(crate) RangeInclusive<N>);

impl<N: Copy + PartialOrd + Display + TryFrom<i128>> Kind for Integer<N> {
    type Value = N;

    fn what(&self) -> String {
        format!("an integer from {} to {}", self.0.start(), self.0.end())
    }

    fn show(&self, value: &N) -> String {
        value.to_string()
    }

    fn read(&self, spot: &Spot<'_>) -> Option<N> {
        let what = self.what();
        let within = |number: i128| N::try_from(number).ok().filter(|n| self.0.contains(n));
        if let DeValue::Integer(written) = spot.value {
            let number = i128::from_str_radix(written.as_str(), written.radix()).ok();
            return number.and_then(within).or_else(|| {
                let range = format!("write a number from {} to {}", self.0.start(), self.0.end());
                spot.refuse_with(format!("`{}` must be {what}, not {written}", spot.name()), range)
            });
        }
        let Some(text) = spot.reference() else {
            return spot.refuse_type(&what);
        };
        let number = text?.trim().parse().ok();
        number.and_then(within).or_else(|| refuse_replaced(spot, &what))
    }
}

/// A decimal number within a range.
pub(crate) struct Decimal(pub(crate) RangeInclusive<f64>);

impl Kind for Decimal {
    type Value = f64;

    fn what(&self) -> String {
        format!("a number from {:?} to {:?}", self.0.start(), self.0.end())
    }

    fn show(&self, value: &f64) -> String {
        format!("{value:?}")
    }

    fn read(&self, spot: &Spot<'_>) -> Option<f64> {
        let number: Option<f64> = match spot.value {
            DeValue::Float(written) => written.as_str().parse().ok(),
            DeValue::Integer(written) if written.radix() == 10 => written.as_str().parse().ok(),
            _ => return spot.refuse_type(&self.what()),
        };
        let within = number.filter(|n| self.0.contains(n));
        within.or_else(|| spot.refuse(format!("`{}` must be {}", spot.name(), self.what())))
    }
}

/// Milliseconds within a range.
pub(crate) struct Millis(pub(crate) RangeInclusive<u64>);

impl Kind for Millis {
    type Value = Duration;

    fn what(&self) -> String {
        Integer(self.0.clone()).what() + " (milliseconds)"
    }

    fn show(&self, value: &Duration) -> String {
        value.as_millis().to_string()
    }

    fn read(&self, spot: &Spot<'_>) -> Option<Duration> {
        Integer(self.0.clone()).read(spot).map(Duration::from_millis)
    }
}

/// Seconds within a range.
pub(crate) struct Secs(pub(crate) RangeInclusive<u64>);

impl Kind for Secs {
    type Value = Duration;

    fn what(&self) -> String {
        Integer(self.0.clone()).what() + " (seconds)"
    }

    fn show(&self, value: &Duration) -> String {
        value.as_secs().to_string()
    }

    fn read(&self, spot: &Spot<'_>) -> Option<Duration> {
        Integer(self.0.clone()).read(spot).map(Duration::from_secs)
    }
}

/// The value itself is not repeated: it came from the environment and may be a secret in the wrong place.
fn refuse_replaced<T>(spot: &Spot<'_>, what: &str) -> Option<T> {
    spot.refuse(format!(
        "`{}` must be {what}; the value from the environment is not",
        spot.name()
    ))
}
