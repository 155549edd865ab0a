//! Checks whether a schema may follow another. JSON Schemas are compared as Danube's brokers compare them: names,
//! required names and their types at the top level. Of Avro and Protobuf only the type is compared here: danube-wasm
//! compares their texts more strictly before it registers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tonic::Status;

use super::definition::Definition;

/// Which direction must be compatible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum CompatibilityMode {
    None,
    /// The new schema can read data written with the old one.
    #[default]
    Backward,
    /// The old schema can read data written with the new one.
    Forward,
    Full,
}

impl CompatibilityMode {
    pub(super) fn read(text: &str) -> Result<Self, Status> {
        let mode = [Self::None, Self::Backward, Self::Forward, Self::Full]
            .into_iter()
            .find(|mode| mode.as_str().eq_ignore_ascii_case(text));
        mode.ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Status::invalid_argument(format!(
                "`{}` is no compatibility mode: use none, backward, forward or full",
                shown.escape_debug()
            ))
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Backward => "backward",
            Self::Forward => "forward",
            Self::Full => "full",
        }
    }

    /// Why `new` may not follow `old`.
    pub(super) fn errors(self, old: &Definition, new: &Definition) -> Vec<String> {
        if self == Self::None {
            return Vec::new();
        }
        if old.schema_type() != new.schema_type() {
            return vec![format!(
                "the type changes from {} to {}",
                old.schema_type(),
                new.schema_type()
            )];
        }
        if old.schema_type() != "json_schema" {
            return Vec::new();
        }
        let (old, new) = (JsonShape::of(old), JsonShape::of(new));
        let mut errors = old.changed_types(&new);
        if matches!(self, Self::Backward | Self::Full) {
            errors.extend(old.unreadable_changes(&new));
        }
        if matches!(self, Self::Forward | Self::Full) {
            let added = new.required.iter().filter(|name| !old.properties.contains_key(*name));
            errors.extend(added.map(|name| format!("`{name}` is new and required")));
        }
        errors
    }
}

/// The top level of a JSON Schema.
struct JsonShape {
    properties: Map<String, Value>,
    required: BTreeSet<String>,
}

impl JsonShape {
    fn of(definition: &Definition) -> Self {
        let json = definition.json().unwrap_or_default();
        let properties = json.get("properties").and_then(Value::as_object).cloned();
        let required = json.get("required").and_then(Value::as_array).into_iter().flatten();
        Self {
            properties: properties.unwrap_or_default(),
            required: required.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        }
    }

    fn changed_types(&self, new: &Self) -> Vec<String> {
        let both = self
            .properties
            .iter()
            .filter_map(|(name, old)| Some((name, old, new.properties.get(name)?)));
        let changed = both.filter(|(_, old, new)| match (old.get("type"), new.get("type")) {
            (Some(old), Some(new)) => old != new,
            _ => false,
        });
        changed
            .map(|(name, _, _)| format!("`{name}` changes its type"))
            .collect()
    }

    fn unreadable_changes(&self, new: &Self) -> Vec<String> {
        let gone = self.required.iter().filter(|name| !new.properties.contains_key(*name));
        let gone = gone.map(|name| format!("`{name}` was required and is gone"));
        let optional = |name: &&String| self.properties.contains_key(*name) && !self.required.contains(*name);
        let stricter = new.required.iter().filter(optional);
        let stricter = stricter.map(|name| format!("`{name}` was optional and is required"));
        gone.chain(stricter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(mode: CompatibilityMode, old: &str, new: &str) -> usize {
        let read = |text: &str| Definition::read("json_schema", text.as_bytes()).expect("valid");
        mode.errors(&read(old), &read(new)).len()
    }

    #[test]
    fn each_mode_forbids_its_own() {
        let base = r#"{"properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a"]}"#;
        let optional_added = r#"{"properties":{"a":{"type":"string"},"b":{"type":"number"},"c":{}},"required":["a"]}"#;
        let required_added = r#"{"properties":{"a":{"type":"string"},"c":{}},"required":["a","c"]}"#;
        let stricter = r#"{"properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a","b"]}"#;
        let removed = r#"{"properties":{"b":{"type":"number"}}}"#;
        let retyped = r#"{"properties":{"a":{"type":"number"},"b":{"type":"number"}},"required":["a"]}"#;
        let table = [
            (optional_added, 0, 0),
            (required_added, 0, 1),
            (stricter, 1, 0),
            (removed, 1, 0),
            (retyped, 1, 1),
        ];
        for (new, backward, forward) in table {
            assert_eq!(errors(CompatibilityMode::Backward, base, new), backward, "{new}");
            assert_eq!(errors(CompatibilityMode::Forward, base, new), forward, "{new}");
            assert_eq!(
                errors(CompatibilityMode::Full, base, new) > 0,
                backward + forward > 0,
                "{new}"
            );
            assert_eq!(errors(CompatibilityMode::None, base, new), 0, "{new}");
        }
    }
}
