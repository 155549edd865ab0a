//! How documents become rows of a table: which column is filled by what.
//!
//! ```text
//! table (engine, sorting key, columns) + options of the file → layout → rows, and what the table can promise
//! ```
//!
//! A write's id, its order and whether it is a delete have columns of their own, if the file or the table's engine names some;
//! every other column is filled by the field of its name, or by what the file points at. Columns that the server computes are
//! left to it.

mod engine;
mod expression;
mod keys;
mod own;

use std::collections::HashMap;

use danube_wasm_settings::values::JsonPointer;

use crate::{
    config::{TableOptions, UnknownFields},
    server::{ColumnInfo, TableInfo},
    types::{Type, Unsupported},
};
pub(crate) use engine::Engine;
pub(crate) use keys::Keys;

/// How documents become rows of a table.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) info: TableInfo,
    pub(crate) engine: Engine,
    /// Those that rows may have, in the table's order.
    pub(crate) columns: Vec<Column>,
    /// What a field of a document fills.
    pub(crate) fields: HashMap<String, Field>,
    pub(crate) own: OwnColumns,
    pub(crate) keys: Keys,
}

/// A column of rows.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its type, as the server writes it.
    pub(crate) of_text: String,
    pub(crate) of: Type,
    /// Whether the server has a value for it where a row has none.
    pub(crate) has_default: bool,
    pub(crate) source: Source,
}

/// What fills a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// The field of its name.
    Field,
    /// What this leads to.
    Pointer(JsonPointer),
    /// The write's id.
    Id,
    /// The write's order.
    Order,
    /// Whether the write is a delete.
    Deleted,
    /// The fields that fill nothing else.
    Rest,
}

/// What a field of a document fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    /// A column.
    Column(usize),
    /// Columns of a Nested, by the name behind the dot.
    Nested(Vec<(String, usize)>),
    /// Parts of it fill columns, by pointers.
    Pointers,
    /// It has the name of a column that the write fills.
    Own,
}

/// Places of the columns that writes fill, and not documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct OwnColumns {
    pub(crate) id: Option<usize>,
    pub(crate) order: Option<usize>,
    pub(crate) deleted: Option<usize>,
    pub(crate) rest: Option<usize>,
}

impl Layout {
    /// Of a table as it is now. The error says what somebody must do.
    pub(crate) fn new(info: TableInfo, options: &TableOptions) -> Result<Self, String> {
        let engine = Engine::of(&info.engine);
        if let Some(why) = engine.unwritable() {
            return Err(why);
        }
        let mut columns = columns(&info, options)?;
        let own = own::fill(&mut columns, &engine, options)?;
        let keys = Keys::of(&info, &columns, &own);
        let mut layout = Self {
            fields: HashMap::new(),
            info,
            engine,
            columns,
            own,
            keys,
        };
        layout.fields = layout.fields(options);
        Ok(layout)
    }

    /// Whether rows of one id become one.
    pub(crate) fn replaces(&self) -> bool {
        self.engine.is_replacing && self.own.id.is_some() && self.keys.sorted_by_id
    }

    /// Why deletes cannot be done, if they cannot.
    pub(crate) fn no_deletes(&self) -> Option<String> {
        let key = &self.info.engine.sorting_key;
        if self.own.deleted.is_none() {
            Some("it has no column for deletes: add `deleted_column`".to_owned())
        } else if self.own.id.is_none() {
            Some("a delete has only its id, and no column is for ids: add `id_column`".to_owned())
        } else if self.engine.is_replacing && !self.keys.sorted_by_id {
            Some(format!(
                "it is sorted by `{key}`, and a delete has only its id: it would replace nothing"
            ))
        } else if self.engine.is_replacing && self.engine.version.is_some() && self.own.order.is_none() {
            Some("its versions come from documents, and a delete has none: it would replace nothing".to_owned())
        } else {
            None
        }
    }

    /// Whether an expression of the server's has another value each time.
    pub(crate) fn changes(&self, expression: &str) -> bool {
        expression::is_changing(expression)
    }

    fn fields(&self, options: &TableOptions) -> HashMap<String, Field> {
        let mut fields = HashMap::new();
        for source in &options.columns {
            if let Some(first) = source.pointer.steps().first() {
                fields.insert(first.clone(), Field::Pointers);
            }
        }
        let is_nested = |column: &Column| matches!(column.of, Type::Array(_)) && column.name.contains('.');
        for (place, column) in self.columns.iter().enumerate() {
            match column.source {
                Source::Field => fields.insert(column.name.clone(), Field::Column(place)),
                Source::Id | Source::Order | Source::Deleted => {
                    fields.entry(column.name.clone()).or_insert(Field::Own);
                    continue;
                }
                Source::Pointer(_) | Source::Rest => continue,
            };
            let Some((group, name)) = column.name.split_once('.').filter(|_| is_nested(column)) else {
                continue;
            };
            match fields
                .entry(group.to_owned())
                .or_insert_with(|| Field::Nested(Vec::new()))
            {
                Field::Nested(members) => members.push((name.to_owned(), place)),
                Field::Column(_) | Field::Pointers | Field::Own => {}
            }
        }
        fields
    }
}

/// The columns that rows may have, each filled by its field or by a pointer.
fn columns(info: &TableInfo, options: &TableOptions) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    for column in &info.columns {
        if matches!(column.default_kind.as_str(), "MATERIALIZED" | "ALIAS") {
            continue;
        }
        let pointer = options.columns.iter().find(|source| source.column == column.name);
        let of = match Type::parse(&column.of) {
            Ok(of) => of,
            // What the server has a value for is left to it.
            Err(_) if pointer.is_none() && has_default(column) => continue,
            Err(Unsupported(of)) => {
                let name = &column.name;
                return Err(format!(
                    "its column `{name}` is of the type {of}, which documents cannot be written to: give it a DEFAULT"
                ));
            }
        };
        columns.push(Column {
            name: column.name.clone(),
            of_text: column.of.clone(),
            of,
            has_default: has_default(column),
            source: pointer.map_or(Source::Field, |source| Source::Pointer(source.pointer.clone())),
        });
    }
    let mut named: Vec<_> = options.columns.iter().map(|source| &source.column).collect();
    if let UnknownFields::Column(rest) = &options.unknown_fields {
        named.push(rest);
    }
    for name in named {
        own::place(&columns, name)?;
    }
    Ok(columns)
}

fn has_default(column: &ColumnInfo) -> bool {
    !column.default_kind.is_empty()
}

#[cfg(test)]
pub(crate) mod tests;
