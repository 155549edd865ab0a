//! Numbers of JSON text that a 64-bit float holds, by the digits that were sent.

/// The number literals of a JSON text. A parser gives numbers without their digits, which are read here where they matter.
pub(super) struct Literals<'j> {
    json: &'j [u8],
    at: usize,
    /// Numbers that the parser has seen and nobody has asked for.
    passed: usize,
}

impl<'j> Literals<'j> {
    pub(super) fn new(json: &'j [u8]) -> Self {
        Self { json, at: 0, passed: 0 }
    }

    /// The parser has seen one that is right in any case.
    pub(super) fn pass(&mut self) {
        self.passed += 1;
    }

    /// The literal that the parser has just seen.
    pub(super) fn last(&mut self) -> &'j str {
        for _ in 0..std::mem::take(&mut self.passed) {
            self.next();
        }
        self.next().unwrap_or_default()
    }

    fn next(&mut self) -> Option<&'j str> {
        loop {
            match *self.json.get(self.at)? {
                b'-' | b'0'..=b'9' => break,
                b'"' => self.skip_string(),
                _ => self.at += 1,
            }
        }
        let rest = self.json.get(self.at..)?;
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().take_while(|byte| is_part(byte)).count();
        self.at += len;
        std::str::from_utf8(rest.get(..len)?).ok()
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return;
            }
        }
    }
}

/// Whether a float says the digits of a literal: as many of its own digits as the literal has are the same.
pub(super) fn holds(literal: &str, value: f64) -> bool {
    let sent = Digits::of(literal);
    let count = sent.digits.len().max(1);
    // Where a float has no more digits than it needs, zeros follow.
    sent == Digits::of(&format!("{value:.*e}", count - 1))
}

/// A number as its digits without zeros at either end, times ten to the exponent.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Digits {
    fn of(literal: &str) -> Self {
        let (negative, literal) = match literal.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            // Zero, of either sign.
            return Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            };
        }
        let len = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
        let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX);
        Self {
            negative,
            exponent: exponent
                .saturating_sub(len(fraction))
                .saturating_add(len(digits) - len(significant)),
            digits: significant.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_held(literal: &str) -> bool {
        holds(literal, literal.parse().expect("a number"))
    }

    #[test]
    fn floats_hold_the_digits_that_they_print() {
        for literal in [
            "0.1",
            "1.10",
            "-1.5E+2",
            "1e3",
            "0.30000000000000004",
            "0.10000000000000001",
            "0.0",
            "-0.0",
            "1e30",
            "5e-324",
            "1.7976931348623157e308",
            "1e22",
            "9007199254740993.0e0",
        ] {
            let expected = literal != "9007199254740993.0e0";
            assert_eq!(is_held(literal), expected, "{literal}");
        }
    }

    #[test]
    fn floats_do_not_hold_more_digits_than_they_have() {
        for literal in [
            "3.14159265358979323846",
            "12345678901234567.89",
            "0.123456789012345678901",
            "1e-400",
        ] {
            assert!(!is_held(literal), "{literal}");
        }
    }

    #[test]
    fn literals_are_found_among_strings_and_those_that_were_passed() {
        let json = br#"{"1\"2":[-3.5e+7,"4\\",5],"x":6}"#;
        let mut literals = Literals::new(json);
        assert_eq!(literals.last(), "-3.5e+7");
        literals.pass();
        assert_eq!(literals.last(), "6");
        assert_eq!(literals.last(), "");
    }
}
