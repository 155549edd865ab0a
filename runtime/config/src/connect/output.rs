//! A table of the pipeline document.

use std::{borrow::Cow, ops::Range};

use danube_wasm_settings::Span;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A table of the pipeline document.
pub(super) struct Output<'s> {
    /// Its dotted path in the document; empty for the document itself.
    pub(super) path: String,
    /// Its entries.
    pub(super) entries: DeTable<'s>,
}

impl<'s> Output<'s> {
    pub(super) fn new(path: impl Into<String>) -> Self {
        let path = path.into();
        let entries = DeTable::new();
        Self { path, entries }
    }

    /// Returns the dotted path of a key.
    pub(super) fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    /// Puts a value whose place in the file is `from`. `at` is the place of the key, if the file gives it.
    pub(super) fn put(&mut self, key: &'static str, at: Option<Range<usize>>, from: &Span, value: DeValue<'s>) {
        let key = Spanned::new(at.unwrap_or(ABSENT_KEY), Cow::Borrowed(key));
        self.entries.insert(key, Spanned::new(from.bytes.clone(), value));
    }

    /// Puts a table, with places as in [`Self::put`].
    pub(super) fn put_table(&mut self, key: &'static str, at: Option<Range<usize>>, from: &Span, table: Output<'s>) {
        self.put(key, at, from, DeValue::Table(table.entries));
    }

    /// Puts a list of tables, each with its place. Does nothing for an empty list.
    pub(super) fn put_tables(&mut self, key: &'static str, tables: Vec<(Span, Output<'s>)>) {
        let Some((first, _)) = tables.first() else {
            return;
        };
        let from = first.sibling(0..0, String::new());
        let tables = tables.into_iter();
        let items = tables.map(|(span, table)| Spanned::new(span.bytes, DeValue::Table(table.entries)));
        self.put(key, None, &from, DeValue::Array(items.collect()));
    }
}

/// Place of a key that the file does not contain.
const ABSENT_KEY: Range<usize> = 0..0;

/// Returns a string in which `${` is literal.
pub(super) fn text<'s>(text: &str) -> DeValue<'s> {
    reference(text.replace("${", "$${"))
}

/// Returns a string in which `${` refers to a variable.
pub(super) fn reference<'s>(text: String) -> DeValue<'s> {
    DeValue::String(Cow::Owned(text))
}

/// Parses a value of a file.
pub(super) fn toml(text: &'static str) -> DeValue<'static> {
    let value = DeValue::parse(text).map(Spanned::into_inner);
    value.unwrap_or(DeValue::String(Cow::Borrowed(text)))
}

/// Returns the value of a file with `${` as literal text.
pub(super) fn literal<'s>(value: &DeValue<'s>) -> DeValue<'s> {
    let inner = |value: &Spanned<DeValue<'s>>| Spanned::new(value.span(), literal(value.get_ref()));
    match value {
        DeValue::String(string) if string.contains("${") => text(string),
        DeValue::Array(items) => DeValue::Array(items.iter().map(inner).collect()),
        DeValue::Table(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), inner(value)));
            DeValue::Table(entries.collect())
        }
        other => other.clone(),
    }
}
