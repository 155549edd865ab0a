//! JSON values to the bytes of a column, in the form `RowBinary`.
//!
//! A server that is sent what does not fit wraps it, cuts it or replaces it, and says nothing. So each value is checked here,
//! and is either stored as it is or refused. Numbers are read from their digits: through a float, 2⁵³ + 1 becomes 2⁵³.

mod binary;
mod decimal;
mod dynamic;
mod float;
mod integer;
mod json;
mod nested;
mod scalar;
mod when;

use danube_wasm_model::FieldTypes;

use crate::types::Type;

pub(crate) use binary::put_length;
pub(crate) use danube_wasm_egress_common::json::{Document, JsonKind, Misfit, elements, members, pointer, text};
pub(crate) use integer::put_unsigned;

/// How values become those of columns, where a file decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conversion {
    /// What a number in a column of dates counts, since 1970.
    pub epoch: Option<Epoch>,
    /// Whether what is finer than a column is cut.
    pub truncate: bool,
    /// Whether a column of texts takes any JSON, as its text.
    pub json_to_string: bool,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epoch {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
}

impl Epoch {
    fn per_second(self) -> u32 {
        match self {
            Self::Seconds => 1,
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
        }
    }
}

/// Writes values.
#[derive(Clone, Copy)]
pub(crate) struct Values<'v> {
    pub(crate) conversion: &'v Conversion,
    /// What the message's schema says of its fields.
    pub(crate) types: Option<&'v FieldTypes>,
}

impl Values<'_> {
    /// Writes a value, given as its JSON text. `schema` is its node in the schema's types.
    pub(crate) fn put(&self, of: &Type, value: &str, schema: Option<usize>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match of {
            Type::Nullable(_) if value == "null" => out.push(1),
            Type::Nullable(of) => {
                out.push(0);
                self.put(of, value, schema, out)?;
            }
            Type::Array(of) => self.put_array(of, value, schema, out)?,
            Type::Tuple(members) => self.put_tuple(members, value, schema, out)?,
            Type::Map(key, of) => self.put_map((key, of), value, schema, out)?,
            Type::Json(paths) => self.put_json(paths, value, out)?,
            Type::Variant(of) => self.put_variant(of, value, schema, out)?,
            Type::Dynamic => dynamic::put(value, out)?,
            scalar => self
                .put_scalar(scalar, value, schema, out)
                .map_err(|why| Misfit::of(value, why))?,
        }
        Ok(())
    }
}

/// Writes the null of a type that takes one.
pub(crate) fn put_null(of: &Type, out: &mut Vec<u8>) {
    out.push(match of {
        Type::Variant(_) => dynamic::VARIANT_NULL,
        Type::Dynamic => dynamic::NOTHING,
        _ => 1,
    });
}
