//! Paths of fields in documents.

use std::{fmt, str::FromStr};

use super::{Invalid, JsonPointer};

/// A field at the top of a document by its name, or fields anywhere by a JSON pointer in which `*` means every element
/// of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(String);

impl FieldPath {
    /// Returns the names from the top to the field.
    pub fn steps(&self) -> Vec<String> {
        match self.0.parse::<JsonPointer>() {
            Ok(pointer) => pointer.steps().to_vec(),
            Err(_) => vec![self.0.clone()],
        }
    }
}

impl FromStr for FieldPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(Invalid(
                "a field is a name at the top of the document, as `created_at`, or a JSON pointer, as `/data/created_at`",
            ));
        }
        if text.starts_with('/') {
            text.parse::<JsonPointer>()?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pointers_are_parsed() {
        let steps = |text: &str| text.parse::<FieldPath>().map(|path| path.steps()).ok();
        let list = |steps: &[&str]| Some(steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>());
        assert_eq!(steps("created_at"), list(&["created_at"]));
        assert_eq!(steps("a.b~x"), list(&["a.b~x"]));
        assert_eq!(steps("/items/*/a~1b~0c"), list(&["items", "*", "a/b~c"]));
        assert_eq!(steps("/"), list(&[""]));
        assert_eq!((steps(""), steps("/a~2"), steps("a\nb")), (None, None, None));
    }
}
