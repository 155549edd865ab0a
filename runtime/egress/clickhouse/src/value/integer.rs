//! Whole numbers, in two's complement.

use std::borrow::Cow;

use num_bigint::{BigInt, Sign};

use danube_wasm_egress_common::json::Number;

/// Writes a whole number of so many bytes.
pub(super) fn put(text: &str, bytes: usize, signed: bool, out: &mut Vec<u8>) -> Result<(), Cow<'static, str>> {
    if bytes <= 8
        && let Ok(value) = text.parse::<i64>()
    {
        // The common case, without the digits' detour.
        return put_checked(&i128::from(value), bytes, signed, out);
    }
    let number = Number::parse(text).ok_or("it is not a whole number")?;
    let outside = || outside(bytes, signed);
    let scaled = number.scaled(0).ok_or_else(outside)?;
    if !scaled.is_exact {
        return Err("it has a fraction".into());
    }
    let value = big(&scaled.digits, number.is_negative);
    put_big(&value, bytes, signed, out).ok_or_else(outside)
}

/// Writes a number that is not negative.
pub(crate) fn put_unsigned(value: u64, bytes: usize, signed: bool, out: &mut Vec<u8>) -> Result<(), Cow<'static, str>> {
    match bytes {
        0..=8 => put_checked(&i128::from(value), bytes, signed, out),
        _ => put_big(&value.into(), bytes, signed, out).ok_or_else(|| outside(bytes, signed)),
    }
}

fn put_checked(value: &i128, bytes: usize, signed: bool, out: &mut Vec<u8>) -> Result<(), Cow<'static, str>> {
    let bits = u32::try_from(bytes * 8).unwrap_or(64);
    let (low, high) = match signed {
        true => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
        false => (0, (1_i128 << bits) - 1),
    };
    if !(low..=high).contains(value) {
        return Err(outside(bytes, signed));
    }
    out.extend_from_slice(&value.to_le_bytes()[..bytes]);
    Ok(())
}

fn outside(bytes: usize, signed: bool) -> Cow<'static, str> {
    let (low, high) = range(bytes, signed);
    format!("it is not from {low} to {high}").into()
}

fn range(bytes: usize, signed: bool) -> (BigInt, BigInt) {
    let high: BigInt = (BigInt::from(1) << (bytes * 8 - usize::from(signed))) - 1;
    match signed {
        true => (-high.clone() - 1, high),
        false => (BigInt::ZERO, high),
    }
}

/// Writes a number; `None` if it has not room in so many bytes.
pub(super) fn put_big(value: &BigInt, bytes: usize, signed: bool, out: &mut Vec<u8>) -> Option<()> {
    let (low, high) = range(bytes, signed);
    if *value < low || *value > high {
        return None;
    }
    let mut digits = value.to_signed_bytes_le();
    let fill = if value.sign() == Sign::Minus { 0xff } else { 0 };
    digits.resize(bytes, fill);
    out.extend_from_slice(&digits);
    Some(())
}

/// The number that these digits are.
pub(super) fn big(digits: &str, is_negative: bool) -> BigInt {
    let value = BigInt::parse_bytes(digits.as_bytes(), 10).unwrap_or_default();
    if is_negative { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, bytes: usize, signed: bool) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        put(text, bytes, signed, &mut out)
            .map(|()| out)
            .map_err(Cow::into_owned)
    }

    #[test]
    fn every_width_holds_its_range_and_nothing_more() {
        for width in [1, 2, 4, 8, 16, 32] {
            for signed in [true, false] {
                let (low, high) = range(width, signed);
                for inside in [&low, &high] {
                    let written = bytes(&inside.to_string(), width, signed).expect("inside");
                    assert_eq!(written.len(), width);
                    let read = match signed {
                        true => BigInt::from_signed_bytes_le(&written),
                        false => BigInt::from_bytes_le(Sign::Plus, &written),
                    };
                    assert_eq!(read, *inside);
                }
                for outside in [&low - BigInt::from(1), &high + BigInt::from(1)] {
                    let error = bytes(&outside.to_string(), width, signed).expect_err("outside");
                    assert_eq!(error, format!("it is not from {low} to {high}"));
                }
            }
        }
    }

    #[test]
    fn a_number_is_whole_by_its_value() {
        assert_eq!(bytes("1.0", 1, false), Ok(vec![1]));
        assert_eq!(bytes("-1e2", 1, true), Ok(vec![156]));
        assert_eq!(bytes("-0", 1, false), Ok(vec![0]));
        assert!(bytes("1.5", 8, true).expect_err("a fraction").contains("fraction"));
        assert!(bytes("1e400", 32, true).is_err() && bytes("x", 1, true).is_err());
    }
}
