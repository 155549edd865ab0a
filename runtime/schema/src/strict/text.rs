//! Strings: found eight bytes at a time, escapes checked, unescaped only where that is needed.

use std::borrow::Cow;

use super::SyntaxError;

/// A string as it is written, without its quotes.
pub(super) struct Raw<'a> {
    bytes: &'a [u8],
    escaped: bool,
}

impl<'a> Raw<'a> {
    /// The characters that are meant.
    pub(super) fn unescaped(&self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.bytes);
        }
        let mut plain = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            if byte == b'\\'
                && let Ok(c) = escape(self.bytes, &mut at)
            {
                plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                plain.push(byte);
                at += 1;
            }
        }
        Cow::Owned(plain)
    }
}

/// Reads from the opening quote to after the closing one.
pub(super) fn read<'a>(text: &'a [u8], at: &mut usize) -> Result<Raw<'a>, SyntaxError> {
    *at += 1;
    let start = *at;
    let mut escaped = false;
    loop {
        *at = skip_plain(text, *at);
        match text.get(*at) {
            Some(b'"') => {
                let bytes = &text[start..*at];
                *at += 1;
                return Ok(Raw { bytes, escaped });
            }
            Some(b'\\') => {
                escaped = true;
                escape(text, at)?;
            }
            Some(_) => return Err(syntax_error(*at, "a control character must be escaped")),
            None => return Err(syntax_error(*at, "the document ends inside a string")),
        }
    }
}

/// Reads an escape from its backslash to after its last character.
fn escape(text: &[u8], at: &mut usize) -> Result<char, SyntaxError> {
    let start = *at;
    let simple = match text.get(start + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text, at),
        Some(_) => return Err(syntax_error(start, "this escape is not one of JSON's")),
        None => return Err(syntax_error(text.len(), "the document ends inside a string")),
    };
    *at = start + 2;
    Ok(simple)
}

/// `\uXXXX`, or two of them for a character beyond 16 bits.
fn unicode(text: &[u8], at: &mut usize) -> Result<char, SyntaxError> {
    let start = *at;
    let first = hex(text, start)?;
    *at = start + 6;
    let code = match first {
        0xD800..=0xDBFF => {
            if !text[*at..].starts_with(b"\\u") {
                return Err(syntax_error(start, "a surrogate is without its partner"));
            }
            let second = hex(text, *at)?;
            if !(0xDC00..=0xDFFF).contains(&second) {
                return Err(syntax_error(start, "a surrogate is without its partner"));
            }
            *at += 6;
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        }
        code => code,
    };
    char::from_u32(code).ok_or_else(|| syntax_error(start, "a surrogate is without its partner"))
}

/// The four digits after `\u`.
fn hex(text: &[u8], backslash: usize) -> Result<u32, SyntaxError> {
    let mut code = 0;
    for place in backslash + 2..backslash + 6 {
        let digit = text.get(place).and_then(|&byte| char::from(byte).to_digit(16));
        code = code * 16
            + digit.ok_or_else(|| syntax_error(place.min(text.len()), "four hexadecimal digits are expected"))?;
    }
    Ok(code)
}

/// The next quote, backslash or control character, or the end.
fn skip_plain(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    /// The high bit of each byte that is zero; exact up to and including the first.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGH
    }
    while let Some(chunk) = text[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let special = zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64)) | control;
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while text
        .get(at)
        .is_some_and(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\')
    {
        at += 1;
    }
    at
}

fn syntax_error(at: usize, message: &'static str) -> SyntaxError {
    SyntaxError {
        at,
        message: message.into(),
    }
}
