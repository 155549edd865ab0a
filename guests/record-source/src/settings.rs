//! What it is told.

use std::collections::BTreeMap;

use danube_connector::{Pointer, SourceSettings};
use serde::Deserialize;

/// All of it.
pub(crate) type Settings = SourceSettings<RecordConfig, Pointers>;

/// The table `config`. The module's page says what its keys do.
#[derive(Debug, Deserialize)]
#[serde(from = "Keys")]
pub(crate) struct RecordConfig {
    pub(crate) pointers: Pointers,
    pub(crate) include_metadata: bool,
    pub(crate) include_headers: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Where in a payload its key and its id are.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Pointers {
    pub(crate) key_pointer: Option<Pointer>,
    pub(crate) id_pointer: Option<Pointer>,
}

/// As it is written: flat, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    key_pointer: Option<Pointer>,
    id_pointer: Option<Pointer>,
    include_metadata: bool,
    include_headers: bool,
    attributes: BTreeMap<String, String>,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            key_pointer: None,
            id_pointer: None,
            include_metadata: true,
            include_headers: true,
            attributes: BTreeMap::new(),
        }
    }
}

impl Default for RecordConfig {
    fn default() -> Self {
        Keys::default().into()
    }
}

impl From<Keys> for RecordConfig {
    fn from(keys: Keys) -> Self {
        Self {
            pointers: Pointers {
                key_pointer: keys.key_pointer,
                id_pointer: keys.id_pointer,
            },
            include_metadata: keys.include_metadata,
            include_headers: keys.include_headers,
            attributes: keys.attributes,
        }
    }
}

impl Pointers {
    /// These, and where there are none, those.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        Self {
            key_pointer: self.key_pointer.or_else(|| defaults.key_pointer.clone()),
            id_pointer: self.id_pointer.or_else(|| defaults.id_pointer.clone()),
        }
    }
}
