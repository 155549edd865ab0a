//! Texts of JSON, and which kind of value a text is.

use std::borrow::Cow;

/// What a JSON text is, by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    /// Of a value that was parsed before.
    pub fn of(value: &str) -> Self {
        match value.as_bytes().first() {
            Some(b'"') => Self::String,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            Some(b't' | b'f') => Self::Bool,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }
}

/// The string that a JSON text is. Fails for other values, and for surrogates without their other half, which no column
/// holds.
pub fn text(value: &str) -> Result<Cow<'_, str>, Cow<'static, str>> {
    let inside = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inside {
        None => Err("it is not a string".into()),
        Some(inside) if !inside.contains('\\') => Ok(Cow::Borrowed(inside)),
        Some(_) => match serde_json::from_str(value) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(error) => Err(format!("it is not Unicode ({error})").into()),
        },
    }
}
