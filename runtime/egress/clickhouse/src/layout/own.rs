//! The columns that writes fill, and not documents.

use super::{Column, Engine, OwnColumns, Source};
use crate::{
    config::{TableOptions, UnknownFields},
    types::Type,
};

/// Finds them, and says so in the columns.
pub(super) fn fill(columns: &mut [Column], engine: &Engine, options: &TableOptions) -> Result<OwnColumns, String> {
    let id = named(columns, options.id_column.as_deref())?;
    let order = match named(columns, options.order_column.as_deref())? {
        // Versions that documents do not fill are orders of writes.
        None if id.is_some() => {
            free(columns, engine.version.as_deref()).filter(|place| holds_orders(&columns[*place].of))
        }
        order => order,
    };
    let deleted = match named(columns, options.deleted_column.as_deref())? {
        None if id.is_some() => free(columns, engine.is_deleted.as_deref()),
        deleted => deleted,
    };
    let rest = match &options.unknown_fields {
        UnknownFields::Column(name) => Some(place(columns, name)?),
        _ => None,
    };
    let own = OwnColumns {
        id,
        order,
        deleted,
        rest,
    };
    check(columns, &own)?;
    let sources = [
        (id, Source::Id),
        (order, Source::Order),
        (deleted, Source::Deleted),
        (rest, Source::Rest),
    ];
    for (place, source) in sources {
        let Some(place) = place else { continue };
        let column = &mut columns[place];
        if column.source != Source::Field {
            return Err(format!(
                "its column `{}` is to be filled by two things: see the mapping's keys",
                column.name
            ));
        }
        column.source = source;
    }
    Ok(own)
}

fn check(columns: &[Column], own: &OwnColumns) -> Result<(), String> {
    let one = |place: Option<usize>, holds: fn(&Type) -> bool, what: &str| {
        let wrong = place.map(|place| &columns[place]).filter(|column| !holds(&column.of));
        wrong.map_or(Ok(()), |column| {
            let (name, of) = (&column.name, &column.of_text);
            Err(format!("its column `{name}` is of the type {of}, and {what}"))
        })
    };
    one(
        own.id,
        holds_ids,
        "a column of ids is String, FixedString, an integer or UUID",
    )?;
    one(
        own.order,
        holds_orders,
        "a column of orders is UInt64, or a wider integer",
    )?;
    one(own.deleted, holds_flags, "a column for deletes is UInt8 or Bool")?;
    one(own.rest, holds_rest, "a column for unknown fields is String or JSON")
}

fn holds_ids(of: &Type) -> bool {
    matches!(
        of,
        Type::String | Type::FixedString(_) | Type::Integer { .. } | Type::Uuid
    )
}

fn holds_orders(of: &Type) -> bool {
    matches!(of, Type::Integer { bytes: 8.., .. })
}

fn holds_flags(of: &Type) -> bool {
    matches!(
        of,
        Type::Bool
            | Type::Integer {
                bytes: 1,
                signed: false
            }
    )
}

fn holds_rest(of: &Type) -> bool {
    match of {
        Type::Nullable(of) => holds_rest(of),
        of => matches!(of, Type::String | Type::Json(_)),
    }
}

/// The place of a column that the file names.
pub(super) fn place(columns: &[Column], name: &str) -> Result<usize, String> {
    columns.iter().position(|column| column.name == name).ok_or_else(|| {
        let known: Vec<_> = columns.iter().map(|column| format!("`{}`", column.name)).collect();
        format!(
            "it has no column `{name}` that rows can fill; it has {}",
            known.join(", ")
        )
    })
}

fn named(columns: &[Column], name: Option<&str>) -> Result<Option<usize>, String> {
    name.map(|name| place(columns, name)).transpose()
}

/// The place of a column that the engine names, unless the file says what fills it.
fn free(columns: &[Column], name: Option<&str>) -> Option<usize> {
    let name = name?;
    columns
        .iter()
        .position(|column| column.name == name && column.source == Source::Field)
}
