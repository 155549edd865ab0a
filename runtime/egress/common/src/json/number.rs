//! Numbers by their digits.

/// Most digits of a number that a column holds: 2²⁵⁶ has 78.
const DIGITS_MAX: usize = 78;

/// A decimal number: its digits, shifted by a power of ten.
pub struct Number {
    /// Whether it has a minus, also before zero.
    pub is_negative: bool,
    /// Without zeros at the front; none for zero.
    digits: String,
    exponent: i64,
}

/// A number in units of a power of ten.
pub struct Scaled {
    /// The whole units, without zeros at the front; none for zero.
    pub digits: String,
    /// Whether that is all of it.
    pub is_exact: bool,
}

impl Number {
    /// Reads a number as JSON writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, power(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let is_written_well = !whole.is_empty() && (whole == "0" || !whole.starts_with('0'));
        let has_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_written_well || !has_digits {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        Some(Self {
            is_negative,
            exponent: exponent.saturating_sub(i64::try_from(fraction.len()).ok()?),
            digits: digits.trim_start_matches('0').to_owned(),
        })
    }

    /// How many units of 10⁻ˢ it is; `None` if that is more than any column holds.
    pub fn scaled(&self, scale: u32) -> Option<Scaled> {
        let shift = self.exponent.saturating_add(i64::from(scale));
        let length = self.digits.len();
        let (digits, is_exact) = match usize::try_from(shift) {
            _ if length == 0 => (String::new(), true),
            Ok(zeros) => {
                let all = length.saturating_add(zeros);
                if all > DIGITS_MAX {
                    return None;
                }
                (format!("{:0<all$}", self.digits), true)
            }
            Err(_) => {
                let cut = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX).min(length);
                let (whole, rest) = self.digits.split_at(length - cut);
                (whole.to_owned(), rest.bytes().all(|digit| digit == b'0'))
            }
        };
        (digits.len() <= DIGITS_MAX).then_some(Scaled { digits, is_exact })
    }

    /// Whether it is a whole number, and which.
    pub fn whole(&self) -> Option<String> {
        self.scaled(0)
            .filter(|scaled| scaled.is_exact)
            .map(|scaled| scaled.digits)
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }
}

/// The power of ten behind `e`. One that does not fit is beyond every column.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let limit = i64::from(i32::MAX);
    let power = digits.parse::<i64>().unwrap_or(limit).min(limit);
    Some(if text.starts_with('-') { -power } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(text: &str, scale: u32) -> Option<(String, bool)> {
        let number = Number::parse(text).unwrap_or_else(|| panic!("{text}"));
        number.scaled(scale).map(|scaled| (scaled.digits, scaled.is_exact))
    }

    #[test]
    fn numbers_keep_their_digits() {
        let exact = |digits: &str| Some((digits.to_owned(), true));
        assert_eq!(scaled("9007199254740993", 0), exact("9007199254740993"));
        assert_eq!(scaled("-12.340", 2), exact("1234"));
        assert_eq!(scaled("12.345", 2), Some(("1234".to_owned(), false)));
        assert_eq!(scaled("1.5e3", 0), exact("1500"));
        assert_eq!(scaled("1E-2", 2), exact("1"));
        assert_eq!(scaled("0.000", 0), exact(""));
        assert_eq!(scaled("0e999999999999999999999", 0), exact(""));
        assert_eq!(scaled("1e999999999999999999999", 0), None);
        assert_eq!(scaled("1e-999999999999999999999", 5), Some((String::new(), false)));
        assert_eq!(scaled(&"9".repeat(78), 0), exact(&"9".repeat(78)));
        assert_eq!(scaled(&"9".repeat(79), 0), None);
    }

    #[test]
    fn what_is_no_number_of_json_is_none() {
        for text in [
            "", "-", "+1", "01", "1.", ".5", "1e", "1e+", "0x1", "1 ", "NaN", "1_0", "١",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }
}
