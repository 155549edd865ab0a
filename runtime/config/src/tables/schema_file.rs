//! The files that define schemas.

use std::{fmt, path::PathBuf, str::FromStr};

use serde_json::Value;

use super::schema::SchemaType;
use danube_wasm_settings::{ValueRef, kinds::Kind, values::Invalid};

/// Largest schema file, in bytes: a hundred times the size of hand-written schemas.
const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// The content of a schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Definition {
    /// Absolute path.
    pub path: PathBuf,
    /// JSON for `json_schema` and `avro`, the text of a `.proto` file for `protobuf`.
    pub text: String,
}

impl Definition {
    /// Whether it is a JSON Schema that uses `format` in a draft in which `format` is not checked.
    pub(super) fn has_unchecked_formats(&self) -> bool {
        let Ok(schema) = serde_json::from_str::<Value>(&self.text) else {
            return false;
        };
        let draft = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        !draft.contains("draft-07") && uses_format(&schema)
    }

    /// Whether it contains a message's own name, without its package.
    pub(super) fn contains_message(&self, message: &MessageName) -> bool {
        let name = message.last();
        let mut words = self
            .text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !w.is_empty());
        std::iter::from_fn(|| words.find(|word| *word == "message").and_then(|_| words.next())).any(|word| word == name)
    }
}

/// Whether a schema or one inside it uses `format`. Skips parts of a schema that are values.
fn uses_format(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, value)| match name.as_str() {
            "format" if value.is_string() => true,
            "const" | "enum" | "default" | "examples" => false,
            _ => uses_format(value),
        }),
        Value::Array(items) => items.iter().any(uses_format),
        _ => false,
    }
}

/// Full name of a Protobuf message: names separated by dots, without a leading dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageName(String);

impl MessageName {
    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn last(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }
}

impl FromStr for MessageName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = |part: &str| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && part.bytes().all(legal)
        };
        if text.len() <= 512 && text.split('.').all(name) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "the full name of a message is names with dots between, as in `payments.Payment`",
            ))
        }
    }
}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the file of a schema of this type. An empty path counts as none: Danube Connect requires the key even where it
/// has no meaning.
pub(super) struct DefinitionKind(pub(super) Option<SchemaType>);

impl Kind for DefinitionKind {
    type Value = Option<Definition>;

    fn what(&self) -> String {
        "the path of a file".to_owned()
    }

    fn show(&self, _: &Option<Definition>) -> String {
        String::new()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Option<Definition>> {
        let written = input.text(&self.what())?;
        if written.is_empty() {
            return Some(None);
        }
        let path = input.existing_file(&written)?;
        let text = input.file_text(&path, SCHEMA_BYTES_MAX)?;
        let json = self.0 != Some(SchemaType::Protobuf);
        if let (true, Err(error)) = (json, serde_json::from_str::<serde::de::IgnoredAny>(&text)) {
            return input.refuse_with(
                format!(
                    "`{}` names {}, which is not JSON: {error}",
                    input.name(),
                    path.display()
                ),
                "correct the file",
            );
        }
        Some(Some(Definition { path, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_by_its_name_without_package() {
        let text = "syntax = \"proto3\";\npackage payments;\nmessage Payment{ message Part { int32 message = 1; } }";
        let definition = Definition {
            path: PathBuf::new(),
            text: text.to_owned(),
        };
        let names = |name: &str| definition.contains_message(&name.parse().expect("valid"));
        assert!(names("payments.Payment") && names("payments.Payment.Part"));
        assert!(!names("payments.Pay") && !names("payments.int32"));
    }

    #[test]
    fn only_draft_07_checks_formats() {
        let unchecked = |text: &str| {
            let definition = Definition {
                path: PathBuf::new(),
                text: text.to_owned(),
            };
            definition.has_unchecked_formats()
        };
        let format = r#""properties": {"at": {"type": "string", "format": "date-time"}}"#;
        assert!(unchecked(&format!("{{{format}}}")));
        assert!(unchecked(&format!(
            r#"{{"$schema": "https://json-schema.org/draft/2020-12/schema", {format}}}"#
        )));
        assert!(!unchecked(&format!(
            r#"{{"$schema": "http://json-schema.org/draft-07/schema#", {format}}}"#
        )));
        assert!(!unchecked(r#"{"properties": {"format": {"const": {"format": "x"}}}}"#));
        assert!(!unchecked("{"));
    }

    #[test]
    fn message_names() {
        for text in ["", ".", "a.", ".a.B", "a b", "a-b", "1a"] {
            assert!(text.parse::<MessageName>().is_err(), "{text}");
        }
    }
}
