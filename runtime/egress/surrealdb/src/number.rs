//! Conversion of JSON numbers to SurrealDB's three kinds of number, by the digits that were sent.
//!
//! A whole number is an `int` if it fits 64 bits, else a `decimal`. A number with a point or an exponent is a `float`
//! if that float prints the same number again, else a `decimal` (28 digits, exact). A number that fits neither is
//! refused, not rounded.

use std::str::FromStr;

use surrealdb::types::{Decimal, Number};

/// Converts a whole number.
pub(crate) fn from_u64(value: u64) -> Number {
    match i64::try_from(value) {
        Ok(value) => Number::Int(value),
        Err(_) => Number::Decimal(Decimal::from(value)),
    }
}

/// Converts a number that was parsed as `value` from `literal`; `None` if no kind can hold it.
pub(crate) fn from_literal(literal: &str, value: f64) -> Option<Number> {
    let whole = !literal.contains(['.', 'e', 'E']);
    if whole {
        // Beyond 64 bits, or `-0`, which is 0.
        return match i64::from_str(literal) {
            Ok(value) => Some(Number::Int(value)),
            Err(_) => Decimal::from_str_exact(literal).ok().map(Number::Decimal),
        };
    }
    let sent = Digits::parse(literal)?;
    if Digits::parse(&format!("{value:e}")).as_ref() == Some(&sent) {
        return Some(Number::Float(value));
    }
    Decimal::from_str_exact(&sent.to_plain_text()?)
        .ok()
        .map(Number::Decimal)
}

/// A number as `digits` times ten to the `exponent`, without zeros at either end.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Digits {
    fn parse(literal: &str) -> Option<Self> {
        let (negative, literal) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent
            .parse::<i64>()
            .ok()?
            .checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        Some(Self {
            negative,
            exponent: exponent.checked_add(i64::try_from(digits.len() - significant.len()).ok()?)?,
            digits: significant.to_owned(),
        })
    }

    /// The number written without an exponent; `None` if a decimal cannot hold it.
    fn to_plain_text(&self) -> Option<String> {
        const DECIMAL_DIGITS_MAX: usize = 28;
        let sign = if self.negative { "-" } else { "" };
        let shift = usize::try_from(self.exponent.unsigned_abs()).ok()?;
        if self.digits.len() > DECIMAL_DIGITS_MAX + 1 || shift > DECIMAL_DIGITS_MAX {
            return None;
        }
        Some(if self.exponent >= 0 {
            format!("{sign}{}{}", self.digits, "0".repeat(shift))
        } else if shift < self.digits.len() {
            let (whole, fraction) = self.digits.split_at(self.digits.len() - shift);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{}{}", "0".repeat(shift - self.digits.len()), self.digits)
        })
    }
}

/// The number literals of a JSON text, in order. The JSON parser returns numbers without their digits, which are read
/// here.
pub(crate) struct Literals<'j> {
    json: &'j [u8],
    at: usize,
}

impl<'j> Literals<'j> {
    pub(crate) fn new(json: &'j [u8]) -> Self {
        Self { json, at: 0 }
    }

    /// Skips a string; `at` is after its opening quote.
    fn skip_string(&mut self) {
        while let Some(byte) = self.json.get(self.at) {
            self.at += 1;
            match byte {
                b'"' => return,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }
}

impl<'j> Iterator for Literals<'j> {
    type Item = &'j str;

    fn next(&mut self) -> Option<&'j str> {
        loop {
            let byte = *self.json.get(self.at)?;
            if byte == b'-' || byte.is_ascii_digit() {
                break;
            }
            self.at += 1;
            if byte == b'"' {
                self.skip_string();
            }
        }
        let rest = self.json.get(self.at..)?;
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().take_while(|byte| is_part(byte)).count();
        self.at += len;
        std::str::from_utf8(rest.get(..len)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(literal: &str) -> Option<String> {
        let value = literal.parse::<f64>().expect("a number");
        from_literal(literal, value).map(|number| match number {
            Number::Int(value) => format!("int {value}"),
            Number::Float(value) => format!("float {value}"),
            Number::Decimal(value) => format!("decimal {value}"),
        })
    }

    #[test]
    fn each_number_gets_the_kind_that_holds_it_exactly() {
        for (literal, kind) in [
            ("-0", "int 0"),
            ("18446744073709551616", "decimal 18446744073709551616"),
            ("-9223372036854775809", "decimal -9223372036854775809"),
            ("0.1", "float 0.1"),
            ("1.10", "float 1.1"),
            ("-1.5E+2", "float -150"),
            ("1e3", "float 1000"),
            ("0.30000000000000004", "float 0.30000000000000004"),
            ("3.14159265358979323846", "decimal 3.14159265358979323846"),
            ("12345678901234567.25", "decimal 12345678901234567.25"),
            ("0.0", "float 0"),
            ("1.7976931348623157e2", "float 179.76931348623157"),
        ] {
            assert_eq!(number(literal).as_deref(), Some(kind), "{literal}");
        }
    }

    #[test]
    fn numbers_that_no_kind_holds_are_none() {
        for literal in [
            "123456789012345678901234567890123",
            "0.12345678901234567890123456789012345",
            "1e-400",
        ] {
            assert_eq!(number(literal), None, "{literal}");
        }
    }

    #[test]
    fn literals_inside_strings_are_skipped() {
        let json = br#"{"1\"2":[-3.5e+7,"4\\",5],"x":6}"#;
        assert_eq!(Literals::new(json).collect::<Vec<_>>(), ["-3.5e+7", "5", "6"]);
    }
}
