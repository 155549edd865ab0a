//! Decimals: text to components, a big-endian two's-complement integer on the wire.

use crate::limits::DECIMAL_DIGITS_MAX;

/// Bytes that hold [`DECIMAL_DIGITS_MAX`] digits with their sign.
const WIDTH: usize = 32;
const _: () = assert!(DECIMAL_DIGITS_MAX <= 76, "10^76 < 2^255");

/// The fewest bytes that hold the number.
pub(super) fn parse(text: &str, precision: usize, scale: usize) -> Result<Vec<u8>, String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || unsigned.ends_with('.') {
        return Err("a decimal is expected, like \"12.34\"".to_owned());
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if fraction.len() > scale || whole.len() > precision - scale {
        return Err(format!(
            "the decimal has at most {precision} digits, {scale} of them behind the point"
        ));
    }
    let zeros = std::iter::repeat_n(b'0', scale - fraction.len());
    let mut number = [0u8; WIDTH];
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        let mut carry = u16::from(digit - b'0');
        for byte in number.iter_mut().rev() {
            let sum = u16::from(*byte) * 10 + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        }
    }
    if text.starts_with('-') {
        negate(&mut number);
    }
    Ok(minimal(&number).to_vec())
}

/// With exactly as many digits behind the point as the scale says.
pub(super) fn print(bytes: &[u8], precision: usize, scale: usize) -> Result<String, &'static str> {
    let bytes = minimal(bytes);
    let Some(padding) = WIDTH.checked_sub(bytes.len()) else {
        return Err("the decimal has more digits than its type");
    };
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let mut number = [if negative { 0xff } else { 0 }; WIDTH];
    number[padding..].copy_from_slice(bytes);
    if negative {
        negate(&mut number);
    }
    let mut digits = Vec::new();
    while number.iter().any(|byte| *byte != 0) {
        let mut rest = 0u16;
        for byte in &mut number {
            let dividend = (rest << 8) | u16::from(*byte);
            *byte = (dividend / 10) as u8;
            rest = dividend % 10;
        }
        digits.push(b'0' + rest as u8);
    }
    if digits.len() > precision {
        return Err("the decimal has more digits than its type");
    }
    while digits.len() <= scale {
        digits.push(b'0');
    }
    let mut text = String::from(if negative { "-" } else { "" });
    for (left, digit) in (0..digits.len()).zip(&digits).rev() {
        text.push(char::from(*digit));
        if left == scale && scale > 0 {
            text.push('.');
        }
    }
    Ok(text)
}

/// To the width of a fixed type, or nothing if it does not fit.
pub(super) fn widen(bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let padding = width.checked_sub(bytes.len())?;
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) {
        0xff
    } else {
        0
    };
    let mut wide = vec![sign; padding];
    wide.extend_from_slice(bytes);
    Some(wide)
}

fn negate(number: &mut [u8; WIDTH]) {
    let mut carry = true;
    for byte in number.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

/// Without leading bytes that only repeat the sign.
fn minimal(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, second, ..] = rest
        && matches!((first, second), (0, 0..=0x7f) | (0xff, 0x80..=0xff))
    {
        rest = &rest[1..];
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = format!("-{}.{}", "9".repeat(70), "9".repeat(6));
        for text in ["0.00", "0.01", "-0.01", "12.34", "-128.00", "1.28", "327.68", &long] {
            let (precision, scale) = if text.len() > 20 { (76, 6) } else { (9, 2) };
            let bytes = parse(text, precision, scale).expect(text);
            assert_eq!(print(&bytes, precision, scale).as_deref(), Ok(text));
            let wide = widen(&bytes, 40).expect("fits");
            assert_eq!(print(&wide, precision, scale).as_deref(), Ok(text));
        }
        assert_eq!(parse("-1", 9, 2), Ok(vec![0x9c]));
        assert_eq!(parse("1.28", 9, 2), Ok(vec![0x00, 0x80]));
        assert_eq!(print(&[], 9, 2).as_deref(), Ok("0.00"));
        assert_eq!(print(&[0x0c], 9, 0).as_deref(), Ok("12"));
    }

    #[test]
    fn what_would_be_cut_is_refused() {
        for text in ["1.234", "12345678.00", "", "-", ".5", "5.", "1e3", "+1", "1,5", "٣"] {
            assert!(parse(text, 9, 2).is_err(), "{text}");
        }
        assert!(print(&[0x7f; 5], 9, 2).is_err());
        assert!(print(&[0x7f; 33], 76, 0).is_err());
        assert_eq!(widen(&[1, 2, 3], 2), None);
    }
}
