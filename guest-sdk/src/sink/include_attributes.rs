//! Attributes of a message that its document gets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::SinkRecord;
use crate::{Column, Error, Result, pointer::put_members};

/// The key `include_attributes` of a topic mapping. A field of the mapping's own keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum IncludeAttributes {
    /// These, in an object `_attributes`; `"*"` is all of them.
    Listed(Vec<String>),
    /// Each as a field of its own: the name of the field, and that of the attribute.
    Fields(BTreeMap<String, String>),
}

/// The field of [`IncludeAttributes::Listed`].
const OBJECT: &str = "_attributes";

/// Stands for every attribute.
const ALL: &str = "*";

/// Attributes that are the host's own.
const HOST_PREFIX: &str = "x-danube-wasm-";

impl IncludeAttributes {
    /// The column that [`Self::add`] reads.
    pub fn wants(&self) -> Column {
        Column::Attributes
    }

    /// A document of a message, with the attributes; those that the message does not have are left out.
    /// [`Error::InvalidData`] if it is not a JSON object.
    pub fn add(&self, document: &[u8], record: SinkRecord<'_>) -> Result<Vec<u8>> {
        put_members(document, &self.members(record)).map_err(|error| {
            Error::invalid_data(format!(
                "`include_attributes` adds them to JSON objects, and this is none: {error}"
            ))
        })
    }

    fn members<'a>(&'a self, record: SinkRecord<'a>) -> Vec<(&'a str, String)> {
        match self {
            Self::Listed(names) => vec![(OBJECT, Value::Object(listed(names, record)).to_string())],
            Self::Fields(fields) => {
                let found = fields
                    .iter()
                    .filter_map(|(field, name)| Some((field.as_str(), record.attribute(name)?)));
                found
                    .map(|(field, value)| (field, Value::from(value).to_string()))
                    .collect()
            }
        }
    }
}

fn listed(names: &[String], record: SinkRecord<'_>) -> Map<String, Value> {
    let is_listed = |name: &str| match names.iter().any(|listed| listed == ALL) {
        true => !name.starts_with(HOST_PREFIX),
        false => names.iter().any(|listed| listed == name),
    };
    let found = record.attributes().filter(|(name, _)| is_listed(name));
    found.map(|(name, value)| (name.to_owned(), value.into())).collect()
}
