//! Whether a table is as its file says.

use arrow_schema::{DataType, Schema};

use super::{ID, METADATA, OP, ORDER, desired};
use crate::{
    column_type,
    config::{Table, UnknownFields},
    limits::COLUMNS_MAX,
};

/// The error is a sentence: what does not fit, and what to do.
pub(super) fn compare(config: &Table, schema: &Schema, partition: &[String]) -> Result<(), String> {
    if schema.fields().len() > COLUMNS_MAX {
        return Err(format!("the table has more than {COLUMNS_MAX} columns"));
    }
    mapped_columns(config, schema)?;
    own_columns(config, schema)?;
    partition_columns(config, schema, partition)
}

/// That each column of the file is in the table with its type, and no other one must have a value.
fn mapped_columns(config: &Table, schema: &Schema) -> Result<(), String> {
    let Some(desired) = desired(config) else { return Ok(()) };
    for column in desired.fields() {
        let Ok(found) = schema.field_with_name(column.name()) else {
            return Err(format!(
                "the table has no column `{}`: add it, write `evolve = \"add-nullable\"`, or correct `field_mappings`",
                column.name()
            ));
        };
        let (wanted, is) = (
            column_type::name(column.data_type()),
            column_type::name(found.data_type()),
        );
        if wanted != is {
            return Err(format!(
                "column `{}` is {wanted} in the file and {is} in the table: correct `field_mappings`",
                column.name()
            ));
        }
    }
    let is_left_out = |name: &String| desired.field_with_name(name).is_err();
    let left_out = schema
        .fields()
        .iter()
        .find(|field| !field.is_nullable() && is_left_out(field.name()));
    match left_out {
        None => Ok(()),
        Some(field) => Err(format!(
            "column `{}` of the table may not be null, and `field_mappings` has nothing for it",
            field.name()
        )),
    }
}

/// The columns that are this sink's own.
fn own_columns(config: &Table, schema: &Schema) -> Result<(), String> {
    let mut own = Vec::new();
    if config.changes {
        own.extend([(ID, DataType::Utf8), (OP, DataType::Utf8), (ORDER, DataType::Int64)]);
    }
    let unknown = config.unknown_fields();
    if let UnknownFields::Rest(rest) = &unknown {
        own.push((rest, DataType::Utf8));
    }
    if config.has_metadata && unknown == UnknownFields::Refuse && schema.field_with_name(METADATA).is_err() {
        return Err(format!(
            "the table has no column `{METADATA}` for `include_danube_metadata = true`: add one of type string"
        ));
    }
    let wrong = own.iter().find(|(name, of)| {
        let found = schema.field_with_name(name);
        !found.is_ok_and(|found| found.data_type() == of)
    });
    match wrong {
        None => Ok(()),
        Some((name, of)) => Err(format!(
            "the table has no column `{name}` of type {}",
            column_type::name(of)
        )),
    }
}

fn partition_columns(config: &Table, schema: &Schema, partition: &[String]) -> Result<(), String> {
    let wanted: Vec<_> = config.partition.iter().map(|by| by.column.as_str()).collect();
    if !wanted.is_empty() && wanted != partition {
        return Err(format!(
            "the table is partitioned by {}, and the file says {}: a table keeps the partitions that it was made with",
            shown(partition),
            shown(&wanted)
        ));
    }
    for column in partition {
        let of = schema.field_with_name(column).map(|field| field.data_type().clone());
        match of {
            Ok(DataType::Float32 | DataType::Float64 | DataType::Binary) | Err(_) => {
                return Err(format!(
                    "this sink does not write to partitions by `{column}`, for its type"
                ));
            }
            Ok(_) => {}
        }
    }
    match config.partition.iter().find(|by| by.date_of.is_some()) {
        Some(by)
            if schema
                .field_with_name(&by.column)
                .is_ok_and(|field| *field.data_type() != DataType::Date32) =>
        {
            Err(format!("`date_of` makes dates, and column `{}` is none", by.column))
        }
        _ => Ok(()),
    }
}

fn shown<T: AsRef<str>>(columns: &[T]) -> String {
    match columns {
        [] => "nothing".to_owned(),
        columns => columns
            .iter()
            .map(|name| format!("`{}`", name.as_ref()))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
