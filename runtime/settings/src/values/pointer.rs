//! JSON pointers.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::Invalid;

/// Longest pointer, in bytes.
const BYTES_MAX: usize = 1024;

/// A JSON pointer (RFC 6901) below the root: `/` before each step, `~0` for `~`, `~1` for `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPointer {
    text: String,
    steps: Vec<String>,
}

impl JsonPointer {
    /// The steps from the root, unescaped; at least one.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The text, for `serde_json::Value::pointer`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for JsonPointer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let escapes_well = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        let rest = text
            .strip_prefix('/')
            .filter(|_| escapes_well && text.len() <= BYTES_MAX);
        let rest = rest.ok_or(Invalid(
            "a JSON pointer begins with `/`, as in `/data/object/id`; `~0` stands for `~` and `~1` for `/`",
        ))?;
        let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
        Ok(Self {
            text: text.to_owned(),
            steps: rest.split('/').map(unescape).collect(),
        })
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for JsonPointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_unescaped_and_invalid_pointers_are_refused() {
        let pointer: JsonPointer = "/a~1b/~0c/0/~01".parse().expect("valid");
        assert_eq!(pointer.steps(), ["a/b", "~c", "0", "~1"]);
        for wrong in ["", "id", "a/b", "/~", "/~2"] {
            assert!(wrong.parse::<JsonPointer>().is_err(), "{wrong}");
        }
    }
}
