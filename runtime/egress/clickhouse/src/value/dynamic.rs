//! Columns whose values have types of their own: Variant and Dynamic.

use super::{JsonKind, Misfit, Values, binary::put_bytes, text};
use crate::types::{Float, Type};

/// The null of a Variant, in the place of a type's number.
pub(super) const VARIANT_NULL: u8 = 0xff;

/// The type of the null of a Dynamic.
pub(super) const NOTHING: u8 = 0x00;

// Types as values of Dynamic name them: "Data types binary encoding" of ClickHouse's documentation.
const UINT64: u8 = 0x04;
const INT64: u8 = 0x0a;
const FLOAT64: u8 = 0x0e;
const STRING: u8 = 0x15;
const BOOL: u8 = 0x2d;

/// Writes a value with its type. What has no type of ClickHouse's as it is, is stored as its JSON text.
pub(super) fn put(value: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    match JsonKind::of(value) {
        JsonKind::Null => out.push(NOTHING),
        JsonKind::Bool => out.extend_from_slice(&[BOOL, u8::from(value == "true")]),
        JsonKind::String => {
            out.push(STRING);
            put_bytes(text(value).map_err(|why| Misfit::of(value, why))?.as_bytes(), out);
        }
        JsonKind::Number => put_number(value, out),
        JsonKind::Array | JsonKind::Object => put_text(value, out),
    }
    Ok(())
}

fn put_number(value: &str, out: &mut Vec<u8>) {
    let is_whole = !value.contains(['.', 'e', 'E']);
    let float = || value.parse::<f64>().ok().filter(|float| float.is_finite());
    if let Ok(number) = value.parse::<i64>() {
        out.push(INT64);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Ok(number) = value.parse::<u64>() {
        out.push(UINT64);
        out.extend_from_slice(&number.to_le_bytes());
    } else if let Some(float) = float().filter(|_| !is_whole) {
        out.push(FLOAT64);
        out.extend_from_slice(&float.to_le_bytes());
    } else {
        put_text(value, out);
    }
}

fn put_text(value: &str, out: &mut Vec<u8>) {
    out.push(STRING);
    put_bytes(value.as_bytes(), out);
}

impl Values<'_> {
    /// Writes a value as the first type that suits it best and holds it.
    pub(super) fn put_variant(
        &self,
        of: &[Type],
        value: &str,
        schema: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Misfit> {
        if value == "null" {
            out.push(VARIANT_NULL);
            return Ok(());
        }
        let mut types: Vec<_> = (0_u8..).zip(of).collect();
        types.sort_by_key(|(_, of)| distance(of, JsonKind::of(value)));
        let start = out.len();
        for (number, of) in types {
            out.push(number);
            if self.put(of, value, schema, out).is_ok() {
                return Ok(());
            }
            out.truncate(start);
        }
        Err(Misfit::of(value, "none of the column's types holds it"))
    }
}

/// How far a type is from a kind of value.
fn distance(of: &Type, kind: JsonKind) -> u8 {
    match (kind, of) {
        (JsonKind::Bool, Type::Bool)
        | (JsonKind::String, Type::String)
        | (JsonKind::Number, Type::Integer { .. })
        | (JsonKind::Array, Type::Array(_))
        | (JsonKind::Object, Type::Json(_) | Type::Map(..)) => 0,
        (JsonKind::Number, Type::Decimal { .. }) | (JsonKind::Array | JsonKind::Object, Type::Tuple(_)) => 1,
        (JsonKind::Number, Type::Float(Float::Double)) => 2,
        (JsonKind::Number, Type::Float(_)) => 3,
        _ => 4,
    }
}
