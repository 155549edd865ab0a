//! Prints a pipeline document: keys in the order of the reference page, without those that give a default.

use std::fmt::Write;

use danube_wasm_settings::{FieldManual, Presence, TableManual, kinds::quote};
use toml::de::{DeTable, DeValue};

/// Writes tables in the order of these pages.
#[derive(Clone, Copy)]
pub(super) struct Printer<'p>(pub(super) &'p [TableManual]);

impl Printer<'_> {
    /// Writes the keys of a table, except tables that have a header of their own.
    pub(super) fn write_keys(self, out: &mut String, path: &str, table: &DeTable<'_>) -> std::fmt::Result {
        let keys = self.in_order(path, table).into_iter();
        keys.filter(|(_, value)| !has_header(path, value))
            .try_for_each(|(key, value)| writeln!(out, "{key} = {}", self.inline(&join(path, key), value)))
    }

    /// Writes a table or list of tables, with the tables inside.
    pub(super) fn write_table(self, out: &mut String, path: &str, value: &DeValue<'_>) -> std::fmt::Result {
        let (header, tables) = match value {
            DeValue::Array(items) => {
                let tables = items.iter().filter_map(|item| item.get_ref().as_table());
                (format!("[[{path}]]"), tables.collect())
            }
            value => (format!("[{path}]"), Vec::from_iter(value.as_table())),
        };
        for table in tables {
            writeln!(out, "\n{header}")?;
            self.write_keys(out, path, table)?;
            let keys = self.in_order(path, table).into_iter();
            keys.filter(|(_, value)| has_header(path, value))
                .try_for_each(|(key, value)| self.write_table(out, &join(path, key), value))?;
        }
        Ok(())
    }

    /// Returns the keys of a table that differ from the default, in the order of its page.
    fn in_order<'t>(self, path: &str, table: &'t DeTable<'t>) -> Vec<(&'t str, &'t DeValue<'t>)> {
        let page = self.0.iter().find(|page| page.path == path);
        let fields: &[FieldManual] = page.map_or(&[], |page| &page.fields);
        let keys = table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), value.get_ref()));
        let says = |(key, value): &(&str, &DeValue<'_>)| {
            let field = fields.iter().find(|field| field.key == *key);
            let default = field.map(|field| &field.presence);
            default != Some(&Presence::Default(self.inline(&join(path, key), value)))
        };
        let mut keys: Vec<_> = keys.filter(says).collect();
        keys.sort_by_key(|(key, _)| fields.iter().position(|field| field.key == *key).unwrap_or(usize::MAX));
        keys
    }

    /// Returns a value on one line.
    fn inline(self, path: &str, value: &DeValue<'_>) -> String {
        match value {
            DeValue::String(text) => quote(text),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(value) => value.to_string(),
            DeValue::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.inline(path, item.get_ref())).collect();
                format!("[{}]", items.join(", "))
            }
            DeValue::Table(table) => {
                let keys = self.in_order(path, table).into_iter();
                let keys: Vec<_> = keys
                    .map(|(key, value)| format!("{key} = {}", self.inline(&join(path, key), value)))
                    .collect();
                format!("{{ {} }}", keys.join(", "))
            }
        }
    }
}

/// Whether a value is written under a header: lists of tables, and tables at the top or with tables inside.
fn has_header(path: &str, value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Array(items) => items.iter().any(|item| item.get_ref().is_table()),
        DeValue::Table(table) => path.is_empty() || table.values().any(|value| has_header(path, value.get_ref())),
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
