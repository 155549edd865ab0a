//! Texts that a text takes types from, as a registry keeps them apart.

use std::collections::HashMap;

use serde_json::Value;

use super::{annotations::full_name, parse::read_text};

/// Each is given once, when a type of it is first named: its types are known from there on.
#[derive(Default)]
pub(super) struct OtherTexts {
    texts: Vec<Option<Value>>,
    /// In which text a type is, by its full name. The first text that has it counts.
    places: HashMap<String, usize>,
}

impl OtherTexts {
    /// Reads these; the error is a message.
    pub(super) fn read<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let mut read = Self::default();
        for text in texts {
            let text = read_text(text)?;
            read.define(&text, "");
            read.texts.push(Some(text));
        }
        Ok(read)
    }

    /// The text that a type is in, unless it was given before.
    pub(super) fn take(&mut self, full: &str) -> Option<Value> {
        self.texts.get_mut(*self.places.get(full)?)?.take()
    }

    /// Notes the types of the text that is read.
    fn define(&mut self, value: &Value, namespace: &str) {
        match value {
            Value::Array(branches) => branches.iter().for_each(|branch| self.define(branch, namespace)),
            Value::Object(object) => {
                let word = |key: &str| object.get(key).and_then(Value::as_str);
                let mut inner = namespace.to_owned();
                if let (Some("record" | "error" | "enum" | "fixed"), Some(name)) = (word("type"), word("name")) {
                    let full = full_name(name, word("namespace").unwrap_or(namespace));
                    inner = full.rsplit_once('.').map_or("", |(of, _)| of).to_owned();
                    self.places.entry(full).or_insert(self.texts.len());
                }
                let fields = object.get("fields").and_then(Value::as_array).into_iter().flatten();
                let nested = ["type", "items", "values"]
                    .into_iter()
                    .filter_map(|key| object.get(key));
                fields.chain(nested).for_each(|value| self.define(value, &inner));
            }
            _ => {}
        }
    }
}
