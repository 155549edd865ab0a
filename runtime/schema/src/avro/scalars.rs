//! JSON's scalars as Avro's, if nothing of them is lost.

use serde_json::Number;

use super::refusal::Refusal;

/// `1.0` is an integer; what a double cannot tell from its neighbour is not.
pub(super) fn integer(number: &Number, min: i64, max: i64) -> Result<i64, Refusal> {
    const EXACT: f64 = (1u64 << 53) as f64;
    let whole = number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|_| number.is_f64())?;
        (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
    });
    whole
        .filter(|n| (min..=max).contains(n))
        .ok_or_else(|| Refusal::new(format!("an integer from {min} to {max} is expected")))
}

pub(super) fn double(number: &Number) -> Result<f64, Refusal> {
    crate::exact::double(number).ok_or_else(|| "the number changes as a 64-bit floating-point number".into())
}

pub(super) fn single(number: &Number) -> Result<f32, Refusal> {
    crate::exact::single(number).ok_or_else(|| "the number changes as a 32-bit floating-point number".into())
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
