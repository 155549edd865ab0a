//! Numbers, which are also written as text.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

/// An integer of any size that the protocol has.
pub(crate) trait Integer: TryFrom<i128> + PartialEq + Default + ToString {}

impl<T: TryFrom<i128> + PartialEq + Default + ToString> Integer for T {}

/// Reads an integer. With `or_text`, its decimal text is one too.
pub(crate) fn integer<'de, D: Deserializer<'de>, T: Integer>(deserializer: D, or_text: bool) -> Result<T, D::Error> {
    let value = deserializer.deserialize_any(IntegerVisitor { or_text })?;
    T::try_from(value).map_err(|_| D::Error::custom(format!("{value} is out of range")))
}

struct IntegerVisitor {
    or_text: bool,
}

impl Visitor<'_> for IntegerVisitor {
    type Value = i128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.or_text {
            true => "a whole number, or one as text",
            false => "the number of an enum, not its name",
        })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i128, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i128, E> {
        Ok(value.into())
    }

    /// `1.0` and `1e3` are whole numbers.
    fn visit_f64<E: Error>(self, value: f64) -> Result<i128, E> {
        if value.fract() != 0.0 || value.abs() >= 2_f64.powi(64) {
            return Err(E::custom(format!("{value} is not a whole number of at most 64 bits")));
        }
        // Whole, and far below what an i128 can hold.
        Ok(value as i128)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i128, E> {
        let parsed = text.parse().ok().filter(|_| self.or_text);
        parsed.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

/// Reads a floating-point number.
pub(crate) fn double<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(DoubleVisitor)
}

struct DoubleVisitor;

impl Visitor<'_> for DoubleVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, one as text, or \"NaN\", \"Infinity\" or \"-Infinity\"")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            // Rust also parses `inf` and `nan`, in any case.
            _ if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
                let parsed = text.parse().ok().filter(|value: &f64| value.is_finite());
                parsed.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

/// Writes one. JSON has no names for those that are not finite.
pub(crate) fn write_double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        // Writing a number into a vector cannot fail.
        let _ = serde_json::to_writer(out, &value);
        return;
    }
    out.extend_from_slice(match (value.is_nan(), value.is_sign_positive()) {
        (true, _) => b"\"NaN\"",
        (false, true) => b"\"Infinity\"",
        (false, false) => b"\"-Infinity\"",
    });
}
