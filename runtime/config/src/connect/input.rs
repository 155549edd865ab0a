//! A table of Danube Connect's file.

use std::ops::Range;

use danube_wasm_settings::Span;
use toml::de::{DeTable, DeValue};

use super::keys::OldTable;

/// A table of Danube Connect's file.
pub(super) struct Input<'s> {
    /// Its declaration.
    pub(super) table: &'static OldTable,
    /// Its place in the file.
    pub(super) span: Span,
    /// Its entries; `None` if it is missing or not a table.
    entries: Option<&'s DeTable<'s>>,
}

/// A key and its value in the file.
pub(super) struct Entry<'s> {
    /// The spelling that is used.
    pub(super) name: &'static str,
    /// Place of the key.
    pub(super) key: Span,
    /// Place of the value.
    pub(super) span: Span,
    /// The value.
    pub(super) value: &'s DeValue<'s>,
}

impl<'s> Input<'s> {
    pub(super) fn new(table: &'static OldTable, span: Span, entries: Option<&'s DeTable<'s>>) -> Self {
        Self { table, span, entries }
    }

    /// Its dotted path without indexes.
    pub(super) fn path(&self) -> &str {
        self.span.key.split('[').next().unwrap_or_default()
    }

    /// How its header is written in a file.
    pub(super) fn header(&self) -> String {
        self.table.header(self.path())
    }

    /// Whether it exists and is a table.
    pub(super) fn is_table(&self) -> bool {
        self.entries.is_some()
    }

    /// Returns the entry of a key, by any of its spellings: by the first if several are given.
    pub(super) fn get(&self, name: &str) -> Option<Entry<'s>> {
        self.spellings(name).next()
    }

    /// Returns the entry for each given spelling of a key.
    pub(super) fn spellings(&self, name: &str) -> impl Iterator<Item = Entry<'s>> {
        let names = self.table.key(name).map_or(&[][..], |key| key.names);
        names.iter().filter_map(|name| {
            let (key, value) = self.entries?.get_key_value(*name)?;
            Some(Entry {
                name,
                key: self.key_span(key.span(), name),
                span: self.key_span(value.span(), name),
                value: value.get_ref(),
            })
        })
    }

    /// Whether a key is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a list is given and not empty.
    pub(super) fn has_items(&self, name: &str) -> bool {
        let given = self.get(name);
        given.is_some_and(|given| given.value.as_array().is_none_or(|items| !items.is_empty()))
    }

    /// Returns the place of a key's value, or of the table if the key is not given.
    pub(super) fn value_span(&self, name: &str) -> Span {
        let given = self.get(name).map(|given| given.span);
        given.unwrap_or_else(|| self.key_span(self.span.bytes.clone(), name))
    }

    /// Returns the keys that are not declared, with their places.
    pub(super) fn unknown(&self) -> impl Iterator<Item = (&'s str, Span)> {
        let keys = self.entries.into_iter().flat_map(|entries| entries.iter());
        let names = keys.map(|(key, _)| (key.get_ref().as_ref(), key.span()));
        names
            .filter(|(name, _)| self.table.key(name).is_none())
            .map(|(name, bytes)| (name, self.key_span(bytes, name)))
    }

    /// Returns the span of a key of the table at these bytes.
    pub(super) fn key_span(&self, bytes: Range<usize>, name: &str) -> Span {
        let key = match self.span.key.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        self.span.sibling(bytes, key)
    }
}
