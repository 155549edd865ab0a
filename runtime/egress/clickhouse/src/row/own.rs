//! The columns that a write fills: its id, its order, and whether it is a delete.

use std::borrow::Cow;

use danube_wasm_model::{door::Write, message::Operation};
use serde_json::Value;

use super::fits;
use crate::{
    layout::{Column, Source},
    types::Type,
    value::{Conversion, Misfit, Values, pointer, put_unsigned, text},
};

/// Writes the value of such a column.
pub(super) fn put(column: &Column, write: &Write, out: &mut Vec<u8>) -> Result<(), String> {
    let (bytes, signed) = match &column.of {
        Type::Integer { bytes, signed } => (*bytes, *signed),
        _ => (1, false),
    };
    let number = match column.source {
        Source::Order => write.order,
        Source::Deleted => u64::from(write.operation == Operation::Delete),
        _ => return put_id(column, &write.id, out),
    };
    put_unsigned(number, bytes, signed, out).map_err(|why| {
        let (name, of) = (&column.name, &column.of_text);
        format!("the write's order is {number}, which column `{name}` {of} does not hold: {why}")
    })
}

fn put_id(column: &Column, id: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let values = Values {
        conversion: &Conversion::default(),
        types: None,
    };
    let quoted = Value::from(id).to_string();
    values.put(&column.of, &quoted, None, out).map_err(|misfit| {
        let said = misfit.in_column("", &column.name, &column.of_text);
        said.replacen("`` is", "the write's id is", 1)
    })
}

/// That a field of the column's name says the same: it would be lost otherwise. `own` is what was written.
pub(super) fn check(
    column: &Column,
    field: Option<&str>,
    write: &Write,
    own: &[u8],
    values: &Values<'_>,
) -> Result<(), String> {
    let Some(value) = field else { return Ok(()) };
    let is_id = column.source == Source::Id && text(value).unwrap_or(Cow::Borrowed(value)) == write.id;
    let mut given = Vec::new();
    if is_id || values.put(&column.of, value, None, &mut given).is_ok() && given == own {
        return Ok(());
    }
    let why = match column.source {
        Source::Id => {
            let id = Value::from(&*write.id).to_string();
            format!("the column gets the write's id, {id:.64}; write `id_pointer`, or name another `id_column`")
        }
        Source::Order => {
            let order = write.order;
            format!("the column gets the write's order, {order}; name another `order_column`, or fill it by `columns`")
        }
        _ => "the column gets whether the write is a delete; name another `deleted_column`".to_owned(),
    };
    Err(fits(column, &pointer(&column.name), &Misfit::of(value, why)))
}

/// Writes the fields that no other column holds, as one object.
pub(super) fn put_rest(column: &Column, unknown: &[(Cow<'_, str>, &str)], out: &mut Vec<u8>) -> Result<(), String> {
    let members: Vec<_> = unknown
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(&**name)))
        .collect();
    let object = format!("{{{}}}", members.join(","));
    let values = Values {
        conversion: &Conversion {
            json_to_string: true,
            ..Conversion::default()
        },
        types: None,
    };
    values
        .put(&column.of, &object, None, out)
        .map_err(|misfit| fits(column, "", &misfit))
}
