//! Decimals, by their digits.

use std::borrow::Cow;

use danube_wasm_egress_common::json::Number;

use super::integer::{big, put_big};

/// The form of a column of decimals.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) precision: u32,
    pub(super) scale: u32,
    pub(super) bytes: usize,
}

/// Writes a decimal as how many units of 10⁻ˢ it is.
pub(super) fn put(text: &str, form: Form, truncate: bool, out: &mut Vec<u8>) -> Result<(), Cow<'static, str>> {
    let number = Number::parse(text).ok_or("it is not a number")?;
    let Form {
        precision,
        scale,
        bytes,
    } = form;
    let too_large = || format!("it has more than {} digits before the point", precision - scale);
    let scaled = number.scaled(scale).ok_or_else(too_large)?;
    if !scaled.is_exact && !truncate {
        return Err(format!("it has more than {scale} digits behind the point").into());
    }
    if scaled.digits.len() > precision as usize {
        return Err(too_large().into());
    }
    // So few digits always have room.
    put_big(&big(&scaled.digits, number.is_negative), bytes, true, out).ok_or_else(|| too_large().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, precision: u32, scale: u32, truncate: bool) -> Result<i128, String> {
        let mut out = Vec::new();
        let form = Form {
            precision,
            scale,
            bytes: 16,
        };
        put(text, form, truncate, &mut out).map_err(Cow::into_owned)?;
        Ok(i128::from_le_bytes(out.try_into().expect("16 bytes")))
    }

    #[test]
    fn decimals_keep_their_digits_or_are_refused() {
        assert_eq!(units("1.23", 10, 2, false), Ok(123));
        assert_eq!(units("-1.2300", 10, 2, false), Ok(-123));
        assert_eq!(units("5e-1", 10, 2, false), Ok(50));
        assert_eq!(units("99999999.99", 10, 2, false), Ok(9_999_999_999));
        assert!(
            units("1.239", 10, 2, false)
                .expect_err("finer")
                .contains("more than 2 digits behind")
        );
        assert_eq!(units("1.239", 10, 2, true), Ok(123));
        assert!(
            units("100000000", 10, 2, true)
                .expect_err("large")
                .contains("more than 8 digits before")
        );
        assert!(units("NaN", 10, 2, true).is_err());
    }
}
