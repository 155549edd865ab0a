//! A table of a file of Danube Connect.

use std::ops::Range;

use danube_wasm_settings::Span;
use toml::de::{DeTable, DeValue};

use super::keys::OldTable;

/// A table of a file of Danube Connect.
pub(super) struct Input<'s> {
    /// How it is declared.
    pub(super) table: &'static OldTable,
    /// Where it stands.
    pub(super) span: Span,
    /// What it holds; `None` if it is not there, or no table.
    entries: Option<&'s DeTable<'s>>,
}

/// A key that is given.
pub(super) struct Given<'s> {
    /// Its name, as it is given.
    pub(super) name: &'static str,
    /// Where it stands.
    pub(super) key: Span,
    /// Where its value stands.
    pub(super) span: Span,
    /// Its value.
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

    /// How its header is written.
    pub(super) fn header(&self) -> String {
        self.table.header(self.path())
    }

    /// Whether it is there, and a table.
    pub(super) fn is_table(&self) -> bool {
        self.entries.is_some()
    }

    /// What is given for a key, by any of its names: for the first of them if there are several.
    pub(super) fn get(&self, name: &str) -> Option<Given<'s>> {
        self.spellings(name).next()
    }

    /// What is given for a key, by each of its names.
    pub(super) fn spellings(&self, name: &str) -> impl Iterator<Item = Given<'s>> {
        let names = self.table.key(name).map_or(&[][..], |key| key.names);
        names.iter().filter_map(|name| {
            let (key, value) = self.entries?.get_key_value(*name)?;
            Some(Given {
                name,
                key: self.at(key.span(), name),
                span: self.at(value.span(), name),
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

    /// Where the value of a key stands; the table itself if it is not given.
    pub(super) fn place(&self, name: &str) -> Span {
        let given = self.get(name).map(|given| given.span);
        given.unwrap_or_else(|| self.at(self.span.bytes.clone(), name))
    }

    /// Every key of it that is not declared, with where it stands.
    pub(super) fn unknown(&self) -> impl Iterator<Item = (&'s str, Span)> {
        let keys = self.entries.into_iter().flat_map(|entries| entries.iter());
        let names = keys.map(|(key, _)| (key.get_ref().as_ref(), key.span()));
        names
            .filter(|(name, _)| self.table.key(name).is_none())
            .map(|(name, bytes)| (name, self.at(bytes, name)))
    }

    /// A place of it, with the path of a key.
    pub(super) fn at(&self, bytes: Range<usize>, name: &str) -> Span {
        let key = match self.span.key.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        self.span.sibling(bytes, key)
    }
}
