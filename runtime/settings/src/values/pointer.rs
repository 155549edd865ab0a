//! Places in JSON documents.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::Invalid;

/// A JSON pointer (RFC 6901) to something below the root: `/` before each step, `~0` for `~`, `~1` for `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct JsonPointer(String);

impl JsonPointer {
    /// The text, as `serde_json::Value::pointer` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JsonPointer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let escapes_well = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if text.starts_with('/') && escapes_well && text.len() <= 1024 {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid(
                "a JSON pointer begins with `/`, as in `/data/object/id`; `~0` stands for `~` and `~1` for `/`",
            ))
        }
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str) -> bool {
        text.parse::<JsonPointer>().is_ok()
    }

    #[test]
    fn pointers() {
        assert!(["/a", "/a/0/b~1c~0", "/"].into_iter().all(is));
        assert!(!["", "a", "a/b", "/a~", "/a~2"].into_iter().any(is));
    }
}
