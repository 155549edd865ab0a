//! A table whose keys are not ours to know.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::{super::Spot, Kind};

/// Any table, as JSON. Strings have their references replaced; dates become strings.
pub(crate) struct FreeTable;

impl Kind for FreeTable {
    type Value = Map<String, Value>;

    fn what(&self) -> String {
        "a table of any keys".to_owned()
    }

    fn show(&self, value: &Self::Value) -> String {
        if value.is_empty() {
            "{}".to_owned()
        } else {
            Value::Object(value.clone()).to_string()
        }
    }

    fn read(&self, spot: &Spot<'_>) -> Option<Self::Value> {
        match spot.value {
            DeValue::Table(entries) => object(spot, entries),
            _ => spot.refuse_type(&self.what()),
        }
    }
}

fn object(spot: &Spot<'_>, entries: &DeTable<'_>) -> Option<Map<String, Value>> {
    let read = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        Some((key.to_string(), json(&spot.member(key, value))?))
    };
    // Every value is read, so that all that are wrong are reported.
    let members: Vec<_> = entries.iter().map(read).collect();
    members.into_iter().collect()
}

fn json(spot: &Spot<'_>) -> Option<Value> {
    match spot.value {
        DeValue::String(written) => spot.expand(written).map(|(text, _)| Value::String(text)),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Datetime(value) => Some(Value::String(value.to_string())),
        DeValue::Integer(written) => match i64::from_str_radix(written.as_str(), written.radix()) {
            Ok(value) => Some(Value::from(value)),
            Err(_) => spot.refuse_with(
                format!("`{}` is a number that does not fit 64 bits", spot.name()),
                "write it as a string",
            ),
        },
        DeValue::Float(written) => {
            let number = written.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            match number {
                Some(number) => Some(Value::Number(number)),
                None => spot.refuse_with(
                    format!("`{}` is a number that JSON cannot hold", spot.name()),
                    "write it as a string",
                ),
            }
        }
        DeValue::Array(items) => {
            let spots = items.iter().enumerate().map(|(index, item)| spot.item(index, item));
            let values: Vec<_> = spots.map(|spot| json(&spot)).collect();
            values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
        }
        DeValue::Table(entries) => object(spot, entries).map(Value::Object),
    }
}
