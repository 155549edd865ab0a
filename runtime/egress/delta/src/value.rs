//! JSON values to cells, which the columns of a file are made of.
//!
//! Each value is stored as it is, or refused with its pointer, its column and the column's type: nothing is rounded, cut or taken for
//! something else, but for fractions in columns of floats, which become the nearest float.

mod number;
mod scalar;
mod when;

pub(crate) use when::day_of;

use arrow_schema::{DataType, Field};
use danube_wasm_egress_common::json::{Misfit, elements, members, text};
use danube_wasm_model::{FieldNode, FieldType, FieldTypes};

use crate::limits::NESTING_MAX;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Of any type.
    Null,
    /// A boolean.
    Boolean(bool),
    /// Of the whole numbers, days since 1970, microseconds since 1970.
    Integer(i64),
    /// Of both floats.
    Float(f64),
    /// Units of its scale.
    Decimal(i128),
    /// A string.
    Text(String),
    /// Binary.
    Bytes(Vec<u8>),
    /// The elements of an array.
    List(Vec<Cell>),
    /// The fields of a struct, in the type's order.
    Struct(Vec<Cell>),
    /// The entries of a map.
    Map(Vec<(Cell, Cell)>),
}

/// Reads the values of one document.
#[derive(Clone, Copy)]
pub(crate) struct Values<'v> {
    /// What the message's schema says of its fields.
    pub(crate) types: Option<&'v FieldTypes>,
}

impl Values<'_> {
    /// The node of the schema's types that is reached by these steps from the document.
    pub(crate) fn schema_at(&self, steps: &[String]) -> Option<usize> {
        self.types?;
        steps.iter().try_fold(0, |node, step| self.below(Some(node), step))
    }

    /// Reads a value, given as its JSON text, for a field. `schema` is its node in the schema's types.
    pub(crate) fn cell(&self, field: &Field, value: &str, schema: Option<usize>) -> Result<Cell, Misfit> {
        self.cell_within(field, value, schema, NESTING_MAX)
    }

    fn cell_within(&self, field: &Field, value: &str, schema: Option<usize>, depth: usize) -> Result<Cell, Misfit> {
        if value == "null" {
            return match field.is_nullable() {
                true => Ok(Cell::Null),
                false => Err(Misfit::of(value, "it may not be null")),
            };
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Misfit::of(value, format!("it is nested deeper than {NESTING_MAX}")));
        };
        match field.data_type() {
            DataType::Struct(fields) => {
                let fields: Vec<&Field> = fields.iter().map(AsRef::as_ref).collect();
                self.structure(&fields, value, schema, depth).map(Cell::Struct)
            }
            DataType::List(element) => {
                let cells = elements(value)?.into_iter().enumerate().map(|(place, value)| {
                    let schema = self.below(schema, "");
                    let cell = self.cell_within(element, value, schema, depth);
                    cell.map_err(|misfit| misfit.at(place.to_string()))
                });
                cells.collect::<Result<_, _>>().map(Cell::List)
            }
            DataType::Map(entries, _) => self.map(entries, value, schema, depth),
            scalar => scalar::cell(scalar, value, self.type_of(schema)).map_err(|why| Misfit::of(value, why)),
        }
    }

    fn structure(
        &self,
        fields: &[&Field],
        value: &str,
        schema: Option<usize>,
        depth: usize,
    ) -> Result<Vec<Cell>, Misfit> {
        let members = members(value)?.0;
        let has = |name: &str| fields.iter().any(|field| field.name() == name);
        if let Some((name, value)) = members.iter().find(|(name, _)| !has(name)) {
            return Err(Misfit::of(value, "the column has no such field").at(&**name));
        }
        let cells = fields.iter().map(|field| {
            let found = members.iter().find(|(name, _)| name == field.name());
            let value = found.map_or("null", |(_, value)| value);
            let cell = self.cell_within(field, value, self.below(schema, field.name()), depth);
            cell.map_err(|misfit| misfit.at(field.name()))
        });
        cells.collect()
    }

    fn map(&self, entries: &Field, value: &str, schema: Option<usize>, depth: usize) -> Result<Cell, Misfit> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(Misfit::of(value, "its column is no map"));
        };
        let (Some(key), Some(of)) = (fields.first(), fields.get(1)) else {
            return Err(Misfit::of(value, "its column is no map"));
        };
        if *key.data_type() != DataType::Utf8 {
            return Err(Misfit::of(
                value,
                "the keys of JSON are texts, and those of the column are not",
            ));
        }
        let cells = members(value)?.0.into_iter().map(|(name, value)| {
            let cell = self.cell_within(of, value, self.below(schema, &name), depth);
            let cell = cell.map_err(|misfit| misfit.at(&*name))?;
            Ok((Cell::Text(name.into_owned()), cell))
        });
        cells.collect::<Result<_, _>>().map(Cell::Map)
    }

    /// The node of a member, or of an element.
    fn below(&self, schema: Option<usize>, name: &str) -> Option<usize> {
        match self.types?.node(schema?) {
            FieldNode::Object(members) => members.get(name).copied(),
            FieldNode::Map(of) | FieldNode::Array(of) => Some(*of),
            FieldNode::Value(_) | FieldNode::Other => None,
        }
    }

    fn type_of(&self, schema: Option<usize>) -> Option<FieldType> {
        match self.types?.node(schema?) {
            FieldNode::Value(of) => Some(*of),
            _ => None,
        }
    }
}

/// Any value in a column of strings: a string is itself, the rest its JSON text.
fn as_text(value: &str) -> Result<String, std::borrow::Cow<'static, str>> {
    match value.starts_with('"') {
        true => text(value).map(std::borrow::Cow::into_owned),
        false => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn cell(of: DataType, value: &str) -> Result<Cell, String> {
        let cell = Values { types: None }.cell(&Field::new("c", of, true), value, None);
        cell.map_err(|misfit| misfit.in_column("/c", "c", "(type)"))
    }

    #[test]
    fn nested_values_keep_their_shape_and_name_what_does_not_fit() {
        let fields = vec![
            Field::new("a", DataType::Int8, false),
            Field::new("b", DataType::Utf8, true),
        ];
        let of = DataType::List(Arc::new(Field::new("element", DataType::Struct(fields.into()), true)));
        assert_eq!(
            cell(of.clone(), r#"[{"a":1},null,{"a":-128,"b":{"x": 1}}]"#),
            Ok(Cell::List(vec![
                Cell::Struct(vec![Cell::Integer(1), Cell::Null]),
                Cell::Null,
                Cell::Struct(vec![Cell::Integer(-128), Cell::Text(r#"{"x": 1}"#.to_owned())]),
            ]))
        );
        let refused = |value: &str| cell(of.clone(), value).expect_err(value);
        assert!(refused(r#"[{"a":1},{"a":128}]"#).starts_with("`/c/1/a` is 128, which column `c`"));
        assert!(
            refused(r#"[{"b":"x"}]"#).contains("`/c/0/a` is null"),
            "missing and NOT NULL"
        );
        assert!(refused(r#"[{"a":1,"z":2}]"#).contains("`/c/0/z` is 2"), "would be lost");
        assert!(refused("[1]").contains("`/c/0` is 1"));
        assert!(refused(r#"{"a":1}"#).contains("not an array"));
    }

    #[test]
    fn maps_keep_their_keys() {
        let entries = vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Int64, true),
        ];
        let of = DataType::Map(
            Arc::new(Field::new("key_value", DataType::Struct(entries.into()), false)),
            false,
        );
        let entry = |key: &str, of| (Cell::Text(key.to_owned()), of);
        assert_eq!(
            cell(of.clone(), r#"{"a/b":1,"":null}"#),
            Ok(Cell::Map(vec![entry("a/b", Cell::Integer(1)), entry("", Cell::Null)]))
        );
        assert!(
            cell(of.clone(), r#"{"a/b":1.5}"#)
                .expect_err("a fraction")
                .contains("`/c/a~1b` is 1.5")
        );
        assert!(cell(of, r#"{"a":1,"a":2}"#).expect_err("twice").contains("twice"));
    }
}
