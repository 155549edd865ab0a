//! Numbers of a JSON document as floating-point numbers, if they come out as they went in.

use serde_json::Number;

/// As a 64-bit one. An integer must be one that a double holds.
pub(crate) fn double(number: &Number) -> Option<f64> {
    let double = number.as_f64()?;
    let kept = match (number.as_i64(), number.as_u64()) {
        (Some(n), _) => double as i128 == i128::from(n),
        (_, Some(n)) => double as i128 == i128::from(n),
        _ => true,
    };
    (kept && double.is_finite()).then_some(double)
}

/// As a 32-bit one: its shortest name must be the number that was sent, as `0.1` is and `0.123456789` is not.
pub(crate) fn single(number: &Number) -> Option<f32> {
    let double = double(number)?;
    let single = double as f32;
    let named: f64 = single.to_string().parse().ok()?;
    (single.is_finite() && named == double).then_some(single)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn what_comes_out_as_it_went_in_is_kept() {
        for text in [
            "0",
            "-0.0",
            "1",
            "9007199254740992",
            "0.1",
            "1e300",
            "18446744073709549568",
        ] {
            assert!(double(&number(text)).is_some(), "{text}");
        }
        for text in ["9007199254740993", "18446744073709551615", "-9223372036854775807"] {
            assert_eq!(double(&number(text)), None, "{text}");
        }
        for text in ["0", "-0.0", "0.1", "1.5", "16777216", "3.4028235e38", "1e-45"] {
            assert!(single(&number(text)).is_some(), "{text}");
        }
        for text in ["16777217", "0.123456789", "1e39", "1e-50", "3.141592653589793"] {
            assert_eq!(single(&number(text)), None, "{text}");
        }
    }
}
