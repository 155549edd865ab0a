//! Floats.
//!
//! What is written as a float becomes the nearest one, as everywhere. What is written as a whole number becomes that number or is
//! refused: ids and amounts in cents must not change.

use std::borrow::Cow;

use crate::types::Float;
use danube_wasm_egress_common::json::Number;

/// Writes a number as a float.
pub(super) fn put(text: &str, of: Float, truncate: bool, out: &mut Vec<u8>) -> Result<(), Cow<'static, str>> {
    let number = Number::parse(text).ok_or("it is not a number")?;
    let not_a_number = |_| "it is not a number";
    // Each is rounded once, from the digits.
    let stored = match of {
        Float::Double => text.parse::<f64>().map_err(not_a_number)?,
        Float::Single => text.parse::<f32>().map_err(not_a_number)?.into(),
        Float::Brain16 => brain(text.parse().map_err(not_a_number)?).into(),
    };
    if !stored.is_finite() {
        return Err("it is too large".into());
    }
    if stored == 0.0 && !number.is_zero() {
        return Err("it is too small, and would be 0".into());
    }
    if !truncate
        && !text.contains(['.', 'e', 'E'])
        && let Some(whole) = number.whole().filter(|whole| !whole.is_empty())
        && format!("{:.0}", stored.abs()) != whole
    {
        return Err(format!("it would be {stored:.0}").into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was one before")]
    match of {
        Float::Double => out.extend_from_slice(&stored.to_le_bytes()),
        Float::Single => out.extend_from_slice(&(stored as f32).to_le_bytes()),
        Float::Brain16 => out.extend_from_slice(&(stored as f32).to_le_bytes()[2..]),
    }
    Ok(())
}

/// The nearest number with eight significant bits; of two, the even one.
fn brain(value: f32) -> f32 {
    let bits = value.to_bits();
    let rounded = bits.saturating_add(0x7fff + ((bits >> 16) & 1));
    f32::from_bits(rounded & 0xffff_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, of: Float) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        put(text, of, false, &mut out).map(|()| out).map_err(Cow::into_owned)
    }

    #[test]
    fn whole_numbers_are_themselves_or_refused() {
        let double = |text: &str| bytes(text, Float::Double);
        assert_eq!(
            double("9007199254740992"),
            Ok(9_007_199_254_740_992_f64.to_le_bytes().to_vec())
        );
        assert_eq!(
            double("9007199254740993"),
            Err("it would be 9007199254740992".to_owned())
        );
        assert_eq!(double("1e23"), Ok(1e23_f64.to_le_bytes().to_vec()));
        assert_eq!(double("-0.0"), Ok((-0.0_f64).to_le_bytes().to_vec()));
        assert_eq!(bytes("16777217", Float::Single), Err("it would be 16777216".to_owned()));
        assert_eq!(bytes("257", Float::Brain16), Err("it would be 256".to_owned()));
        assert_eq!(bytes("256", Float::Brain16), Ok(vec![0x80, 0x43]));
    }

    #[test]
    fn fractions_are_rounded_and_what_is_out_of_range_is_refused() {
        assert_eq!(bytes("0.1", Float::Single), Ok(0.1_f32.to_le_bytes().to_vec()));
        assert_eq!(
            bytes("1.00390625", Float::Brain16),
            Ok(vec![0x80, 0x3f]),
            "to the even one"
        );
        assert_eq!(bytes("1.01171875", Float::Brain16), Ok(vec![0x82, 0x3f]));
        for (text, of) in [
            ("1e40", Float::Single),
            ("1e400", Float::Double),
            ("3.4e38", Float::Brain16),
            ("1e-400", Float::Double),
        ] {
            assert!(bytes(text, of).expect_err(text).contains("too"), "{text}");
        }
    }
}
