//! The columns that a file asks for.

use arrow_schema::{DataType, Field, Schema};

use super::{ID, METADATA, OP, ORDER};
use crate::config::{Table, UnknownFields};

/// The columns that a file asks for. `None` if it leaves them to the table.
pub(crate) fn desired(config: &Table) -> Option<Schema> {
    if config.field_mappings.is_empty() {
        return None;
    }
    let mut columns: Vec<Field> = Vec::new();
    if config.changes {
        columns.push(Field::new(ID, DataType::Utf8, false));
        columns.push(Field::new(OP, DataType::Utf8, false));
        columns.push(Field::new(ORDER, DataType::Int64, false));
    }
    let mapped = config.field_mappings.iter();
    columns.extend(mapped.map(|mapping| Field::new(&mapping.column, mapping.of.0.clone(), mapping.nullable)));
    let days = config.partition.iter().filter(|by| by.date_of.is_some());
    columns.extend(days.map(|by| Field::new(&by.column, DataType::Date32, true)));
    if let UnknownFields::Rest(rest) = config.unknown_fields() {
        columns.push(Field::new(rest, DataType::Utf8, true));
    }
    if config.has_metadata {
        columns.push(Field::new(METADATA, DataType::Utf8, false));
    }
    Some(Schema::new(columns))
}
