//! The key of a sink about the attributes of a message that its document gets.

use std::collections::BTreeMap;

use danube_wasm_settings::{
    Kind, Table, ValueRef,
    kinds::{List, Text, quote},
};
use serde_json::{Value, json};
use toml::de::DeValue;

use super::MappingKeys;
use crate::{AskedAttributes, Facts};

/// The key `include_attributes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncludeAttributes {
    /// These, in an object `_attributes`.
    Listed(Vec<String>),
    /// Each as a field of its own: the name of the field, and that of the attribute.
    Fields(BTreeMap<String, String>),
}

/// Most names.
const NAMES_MAX: usize = 64;

impl IncludeAttributes {
    /// Reads the key, and records what it asks for of the mapping's messages. Only built-in components know it.
    pub fn read(t: &mut Table<'_>, mapping: &MappingKeys) -> Option<Self> {
        let include = Self::field(t);
        if let (Some(include), Some(consumer)) = (&include, &mapping.consumer) {
            let asked = AskedAttributes {
                topic: consumer.topic.clone(),
                names: include.names(),
            };
            let span = t.span("include_attributes");
            t.session().facts::<Facts>().asked.push((span, asked));
        }
        include
    }

    fn field(t: &mut Table<'_>) -> Option<Self> {
        t.field(
            "include_attributes",
            IncludeAttributesKind,
            "Attributes of a message that the built-in component adds to what it makes of it, which must be a JSON object: a list of \
             names adds an object `_attributes`, in which `\"*\"` is all of them; a table adds a field for each, by the field's name. \
             Those that a message does not have are left out, and fields of the message of the same names are replaced. A webhook \
             source's are listed in docs/sources/webhook.md.",
        )
        .example("{ event = \"webhook.header.x-github-event\" }")
        .optional()
    }

    /// Those that it names; not `*`.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Listed(names) => names.iter().filter(|name| *name != "*").cloned().collect(),
            Self::Fields(fields) => fields.values().cloned().collect(),
        }
    }

    /// What a component is told of it.
    pub fn settings(&self) -> Value {
        match self {
            Self::Listed(names) => json!(names),
            Self::Fields(fields) => json!(fields),
        }
    }
}

struct IncludeAttributesKind;

const NAMES: List<Text> = List {
    kind: Text,
    len: 1..=NAMES_MAX,
};

impl Kind for IncludeAttributesKind {
    type Value = IncludeAttributes;

    fn what(&self) -> String {
        format!("{}, or a table of names of attributes by field", NAMES.what())
    }

    fn show(&self, value: &IncludeAttributes) -> String {
        match value {
            IncludeAttributes::Listed(names) => NAMES.show(names),
            IncludeAttributes::Fields(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(field, name)| format!("{field} = {}", quote(name)))
                    .collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<IncludeAttributes> {
        let DeValue::Table(entries) = input.value else {
            return NAMES.read(input).map(IncludeAttributes::Listed);
        };
        if !(1..=NAMES_MAX).contains(&entries.len()) {
            return input.refuse(format!("`{}` must have 1 to {NAMES_MAX} fields", input.name()));
        }
        // All are read, so that all errors are reported.
        let read = entries.iter().map(|(field, name)| {
            let member = input.member(field.get_ref(), name);
            Some((field.get_ref().to_string(), Text.read(&member)?))
        });
        let read: Vec<_> = read.collect();
        read.into_iter().collect::<Option<_>>().map(IncludeAttributes::Fields)
    }
}
