//! Tables with arbitrary keys.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::{super::ValueRef, Kind};

/// A table with arbitrary keys, as JSON; dates become strings.
pub struct FreeTable;

/// A table with arbitrary keys.
#[derive(Default)]
pub struct FreeTableValue {
    /// Values with references replaced.
    pub values: Map<String, Value>,
    /// Values with their references.
    pub unresolved: Map<String, Value>,
}

/// How to convert a string.
type Convert = fn(&ValueRef<'_>, &str) -> Option<String>;

impl Kind for FreeTable {
    type Value = FreeTableValue;

    fn what(&self) -> String {
        "a table of any keys".to_owned()
    }

    fn show(&self, value: &FreeTableValue) -> String {
        if value.values.is_empty() {
            "{}".to_owned()
        } else {
            Value::Object(value.values.clone()).to_string()
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<FreeTableValue> {
        let DeValue::Table(entries) = input.value else {
            return input.refuse_type(&self.what());
        };
        let values = object(input, entries, replaced)?;
        // If it can be read with references replaced, it can be read without, too.
        let unresolved = object(input, entries, unchanged)?;
        Some(FreeTableValue { values, unresolved })
    }
}

fn replaced(input: &ValueRef<'_>, text: &str) -> Option<String> {
    input.expand_lazily(text).map(|(text, _)| text)
}

fn unchanged(_: &ValueRef<'_>, text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn object(input: &ValueRef<'_>, entries: &DeTable<'_>, text: Convert) -> Option<Map<String, Value>> {
    let read = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        Some((key.to_string(), json(&input.member(key, value), text)?))
    };
    // All values are read, so that all errors are reported.
    let members: Vec<_> = entries.iter().map(read).collect();
    members.into_iter().collect()
}

fn json(input: &ValueRef<'_>, text: Convert) -> Option<Value> {
    match input.value {
        DeValue::String(written) => text(input, written).map(Value::String),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Datetime(value) => Some(Value::String(value.to_string())),
        DeValue::Integer(written) => match i64::from_str_radix(written.as_str(), written.radix()) {
            Ok(value) => Some(Value::from(value)),
            Err(_) => input.refuse_with(
                format!("`{}` is a number that does not fit 64 bits", input.name()),
                "write it as a string",
            ),
        },
        DeValue::Float(written) => {
            let number = written.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            match number {
                Some(number) => Some(Value::Number(number)),
                None => input.refuse_with(
                    format!("`{}` is a number that JSON cannot hold", input.name()),
                    "write it as a string",
                ),
            }
        }
        DeValue::Array(items) => {
            let inputs = items.iter().enumerate().map(|(index, item)| input.item(index, item));
            let values: Vec<_> = inputs.map(|input| json(&input, text)).collect();
            values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
        }
        DeValue::Table(entries) => object(input, entries, text).map(Value::Object),
    }
}
