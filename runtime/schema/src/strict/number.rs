//! Numbers must round-trip: a reader that holds integers in 64 bits and all other numbers in an IEEE double, and prints
//! them with the fewest digits, must show the value that was sent.
//!
//! So an integer is within -2^63 to 2^64-1, and a number with a point or an exponent is the shortest name of a double, or
//! that name with zeros added: `1.10` and `1e3` survive, `0.1` does, `3.14159265358979323846` and `1e400` do not.

use super::SyntaxError;

/// A decimal of up to this many digits always round-trips, if its exponent is not near the ends of a double's range.
const DIGITS_ALWAYS_KEPT: usize = 15;
const EXPONENT_ALWAYS_KEPT: i64 = 290;
/// No double needs more digits than this.
const DIGITS_EVER_KEPT: usize = 17;
/// An integer of up to this many digits always fits.
const INTEGER_DIGITS_ALWAYS_KEPT: usize = 18;

/// Reads from the sign to after the last digit.
pub(super) fn read(text: &[u8], at: &mut usize) -> Result<(), SyntaxError> {
    let start = *at;
    if text.get(*at) == Some(&b'-') {
        *at += 1;
    }
    let digits_from = *at;
    match text.get(*at) {
        Some(b'0') => *at += 1,
        Some(b'1'..=b'9') => skip_digits(text, at),
        _ => return Err(syntax_error(*at, "a digit is expected here")),
    }
    let integer_digits = *at - digits_from;
    let mut integer = true;
    if text.get(*at) == Some(&b'.') {
        integer = false;
        *at += 1;
        at_least_one_digit(text, at)?;
    }
    if matches!(text.get(*at), Some(b'e' | b'E')) {
        integer = false;
        *at += 1;
        if matches!(text.get(*at), Some(b'+' | b'-')) {
            *at += 1;
        }
        at_least_one_digit(text, at)?;
    }
    if integer && integer_digits <= INTEGER_DIGITS_ALWAYS_KEPT {
        return Ok(());
    }
    let number = std::str::from_utf8(&text[start..*at]).unwrap_or_default();
    match integer {
        true if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() => Ok(()),
        true => Err(syntax_error(
            start,
            "this integer does not fit in 64 bits; send it as a string",
        )),
        false if round_trips(number) => Ok(()),
        false => Err(syntax_error(
            start,
            "this number changes when it is read as a 64-bit floating-point number; send it as a string",
        )),
    }
}

fn at_least_one_digit(text: &[u8], at: &mut usize) -> Result<(), SyntaxError> {
    let start = *at;
    skip_digits(text, at);
    if *at == start {
        Err(syntax_error(start, "a digit is expected here"))
    } else {
        Ok(())
    }
}

fn skip_digits(text: &[u8], at: &mut usize) {
    while text.get(*at).is_some_and(u8::is_ascii_digit) {
        *at += 1;
    }
}

fn round_trips(number: &str) -> bool {
    let Some(sent) = Decimal::of(number) else { return true };
    if sent.digits.len() > DIGITS_EVER_KEPT {
        return false;
    }
    if sent.digits.len() <= DIGITS_ALWAYS_KEPT && sent.exponent.abs() <= EXPONENT_ALWAYS_KEPT {
        return true;
    }
    let kept = number.parse::<f64>().unwrap_or(f64::INFINITY);
    // Some printers choose one and some the other of a double's two shortest decimals: both round-trip.
    let printed = [format!("{kept:e}"), serde_json::json!(kept).to_string()];
    kept.is_finite()
        && printed
            .iter()
            .any(|printed| Decimal::of(printed).as_ref() == Some(&sent))
}

/// `0.digits × 10^exponent`, without a sign; the digits neither begin nor end with a zero.
#[derive(PartialEq, Eq)]
struct Decimal {
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// `None` for zero, in any spelling.
    fn of(number: &str) -> Option<Self> {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('-');
        let digits = || whole.bytes().chain(fraction.bytes());
        let first = digits().position(|digit| digit != b'0')?;
        let trailing = digits().rev().position(|digit| digit != b'0')?;
        let last = whole.len() + fraction.len() - 1 - trailing;
        // An exponent of more than 18 digits is out of range, whatever its exact value.
        let exponent = exponent
            .strip_prefix('+')
            .unwrap_or(exponent)
            .parse()
            .unwrap_or(i64::MAX / 2);
        let places = i64::try_from(whole.len()).ok()? - i64::try_from(first).ok()?;
        Some(Self {
            // One digit more than can round-trip is enough to detect that it does not.
            digits: digits().take(last + 1).skip(first).take(DIGITS_EVER_KEPT + 1).collect(),
            exponent: exponent.saturating_add(places),
        })
    }
}

fn syntax_error(at: usize, message: &'static str) -> SyntaxError {
    SyntaxError {
        at,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips(number: &str) -> bool {
        let mut at = 0;
        read(number.as_bytes(), &mut at).is_ok() && at == number.len()
    }

    #[test]
    fn what_comes_out_as_it_went_in_survives() {
        for number in [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "0e999",
            "1",
            "1.0",
            "1.10",
            "1e3",
            "1E+3",
            "0.1",
            "100.25",
            "9007199254740993",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014E-308",
            "123456789012345.6",
            "0.00001234",
            "899280097004533.2",
        ] {
            assert!(round_trips(number), "{number}");
        }
    }

    #[test]
    fn what_would_change_does_not() {
        for number in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "3.14159265358979323846",
            "0.1000000000000000055",
            "9007199254740993.0",
            "1e400",
            "-1e400",
            "1e-400",
            "4.9e-324",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "12345678901234567.89",
            "0.30000000000000003",
        ] {
            assert!(!round_trips(number), "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for number in ["-", "+1", ".5", "1.", "1e", "1e+", "--1", "01"] {
            assert!(!round_trips(number), "{number}");
        }
    }
}
