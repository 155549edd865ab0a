//! A table whose keys are not ours to know.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::{super::Spot, Kind};

/// Any table, as JSON; dates become strings.
pub(crate) struct FreeTable;

/// A table of any keys.
#[derive(Default)]
pub(crate) struct Free {
    /// With the references in strings replaced.
    pub(crate) values: Map<String, Value>,
    /// With the references as they are written.
    pub(crate) written: Map<String, Value>,
}

/// What becomes of a string.
type Reading = fn(&Spot<'_>, &str) -> Option<String>;

impl Kind for FreeTable {
    type Value = Free;

    fn what(&self) -> String {
        "a table of any keys".to_owned()
    }

    fn show(&self, value: &Free) -> String {
        if value.values.is_empty() {
            "{}".to_owned()
        } else {
            Value::Object(value.values.clone()).to_string()
        }
    }

    fn read(&self, spot: &Spot<'_>) -> Option<Free> {
        let DeValue::Table(entries) = spot.value else {
            return spot.refuse_type(&self.what());
        };
        let values = object(spot, entries, replaced)?;
        // What can be read with its references replaced can be read as it is.
        let written = object(spot, entries, as_written)?;
        Some(Free { values, written })
    }
}

fn replaced(spot: &Spot<'_>, text: &str) -> Option<String> {
    spot.expand_lazily(text).map(|(text, _)| text)
}

/// In a file of another dialect, `${` stands for itself.
fn as_written(spot: &Spot<'_>, text: &str) -> Option<String> {
    Some(match spot.literal {
        true => text.replace("${", "$${"),
        false => text.to_owned(),
    })
}

fn object(spot: &Spot<'_>, entries: &DeTable<'_>, text: Reading) -> Option<Map<String, Value>> {
    let read = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        Some((key.to_string(), json(&spot.member(key, value), text)?))
    };
    // Every value is read, so that all that are wrong are reported.
    let members: Vec<_> = entries.iter().map(read).collect();
    members.into_iter().collect()
}

fn json(spot: &Spot<'_>, text: Reading) -> Option<Value> {
    match spot.value {
        DeValue::String(written) => text(spot, written).map(Value::String),
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
            let values: Vec<_> = spots.map(|spot| json(&spot, text)).collect();
            values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
        }
        DeValue::Table(entries) => object(spot, entries, text).map(Value::Object),
    }
}
