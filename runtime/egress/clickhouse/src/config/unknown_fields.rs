//! What becomes of fields that a table has no column for.

use std::{fmt, str::FromStr};

use danube_wasm_settings::values::Invalid;

/// What becomes of fields that a table has no column for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UnknownFields {
    /// The document is refused.
    #[default]
    Refuse,
    /// They are left out.
    Drop,
    /// They are stored in this column, as one JSON object.
    Column(String),
}

impl FromStr for UnknownFields {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match (text, text.strip_prefix("column:")) {
            ("refuse", _) => Ok(Self::Refuse),
            ("drop", _) => Ok(Self::Drop),
            (_, Some(name)) if !name.is_empty() => Ok(Self::Column(name.to_owned())),
            _ => Err(Invalid::new("write `\"refuse\"`, `\"drop\"` or `\"column:NAME\"`")),
        }
    }
}

impl fmt::Display for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("refuse"),
            Self::Drop => f.write_str("drop"),
            Self::Column(name) => write!(f, "column:{name}"),
        }
    }
}
