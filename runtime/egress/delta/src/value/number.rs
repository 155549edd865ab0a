//! Numbers of columns, by the digits that were sent.

use std::{borrow::Cow, ops::RangeInclusive};

use danube_wasm_egress_common::json::Number;

type Why = Cow<'static, str>;

/// A whole number within a range. `5.0` is one, `5.7` and `"5"` are none.
pub(super) fn integer(text: &str, range: RangeInclusive<i64>) -> Result<i64, Why> {
    let number = Number::parse(text).ok_or("it is not a number")?;
    let outside = || Why::from(format!("it is not from {} to {}", range.start(), range.end()));
    let scaled = number.scaled(0).ok_or_else(outside)?;
    if !scaled.is_exact {
        return Err("it is not a whole number".into());
    }
    let signed = signed(&scaled.digits, number.is_negative).ok_or_else(outside)?;
    let found = i64::try_from(signed).ok().filter(|found| range.contains(found));
    found.ok_or_else(outside)
}

/// A decimal as units of 10⁻ˢ.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, Why> {
    let number = Number::parse(text).ok_or("it is not a number")?;
    let scale = u32::try_from(scale).map_err(|_| "its column has a negative scale")?;
    let too_large = || {
        Why::from(format!(
            "it has more than {} digits before the point",
            u32::from(precision) - scale
        ))
    };
    let scaled = number.scaled(scale).ok_or_else(too_large)?;
    if !scaled.is_exact {
        return Err(format!("it has more than {scale} digits behind the point").into());
    }
    if scaled.digits.len() > usize::from(precision) {
        return Err(too_large());
    }
    signed(&scaled.digits, number.is_negative).ok_or_else(too_large)
}

/// A float. A whole number is itself or is refused: ids and amounts in cents must not change.
pub(super) fn float(text: &str, is_single: bool) -> Result<f64, Why> {
    let number = Number::parse(text).ok_or("it is not a number")?;
    let not_a_number = |_| "it is not a number";
    // Rounded once, from the digits.
    let stored = match is_single {
        true => f64::from(text.parse::<f32>().map_err(not_a_number)?),
        false => text.parse::<f64>().map_err(not_a_number)?,
    };
    if !stored.is_finite() {
        return Err("it is too large".into());
    }
    if stored == 0.0 && !number.is_zero() {
        return Err("it is too small, and would be 0".into());
    }
    let is_written_whole = !text.contains(['.', 'e', 'E']);
    let whole = number.whole().filter(|whole| is_written_whole && !whole.is_empty());
    if whole.is_some_and(|whole| format!("{:.0}", stored.abs()) != whole) {
        return Err(format!("it would be {stored:.0}").into());
    }
    Ok(stored)
}

fn signed(digits: &str, is_negative: bool) -> Option<i128> {
    let value = match digits {
        "" => 0,
        digits => digits.parse::<i128>().ok()?,
    };
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_end_where_their_type_does() {
        let long = i64::MIN..=i64::MAX;
        for text in ["9223372036854775807", "-9223372036854775808", "0", "-0"] {
            assert_eq!(integer(text, long.clone()).ok(), text.parse().ok(), "{text}");
        }
        assert_eq!(integer("12.0", long.clone()), Ok(12));
        assert_eq!(integer("1.2e1", long.clone()), Ok(12));
        for text in [
            "9223372036854775808",
            "18446744073709551615",
            "-9223372036854775809",
            "1e30",
        ] {
            assert!(
                integer(text, long.clone())
                    .expect_err(text)
                    .contains("not from -9223372036854775808 to")
            );
        }
        assert!(integer("5.7", long).expect_err("cut to 5").contains("whole"));
        assert!(integer("128", -128..=127).is_err());
    }

    #[test]
    fn decimals_keep_their_digits_or_are_refused() {
        assert_eq!(decimal("1.23", 10, 2), Ok(123));
        assert_eq!(decimal("-1.2300", 10, 2), Ok(-123));
        assert_eq!(decimal("99999999.99", 10, 2), Ok(9_999_999_999));
        assert_eq!(decimal(&"9".repeat(38), 38, 0), Ok(10_i128.pow(38) - 1));
        assert!(
            decimal("1.239", 10, 2)
                .expect_err("finer")
                .contains("more than 2 digits behind")
        );
        assert!(
            decimal("100000000", 10, 2)
                .expect_err("large")
                .contains("more than 8 digits before")
        );
    }

    #[test]
    fn whole_numbers_in_floats_are_themselves_or_refused() {
        assert_eq!(float("9007199254740992", false), Ok(9_007_199_254_740_992.0));
        assert_eq!(
            float("9007199254740993", false),
            Err("it would be 9007199254740992".into())
        );
        assert_eq!(float("0.1", false), Ok(0.1));
        assert_eq!(float("0.1", true), Ok(f64::from(0.1_f32)));
        for (text, is_single) in [("1e40", true), ("1e400", false), ("1e-400", false)] {
            assert!(float(text, is_single).expect_err(text).contains("too"), "{text}");
        }
    }
}
