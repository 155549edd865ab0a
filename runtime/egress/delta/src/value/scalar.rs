//! Values of types that have no parts.

use std::borrow::Cow;

use arrow_schema::{DataType, TimeUnit};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use danube_wasm_egress_common::json::{JsonKind, text};
use danube_wasm_model::FieldType;

use super::{
    Cell, as_text,
    number::{decimal, float, integer},
    when::{date, local_timestamp, timestamp},
};

/// Reads a value that is not null.
pub(super) fn cell(of: &DataType, value: &str, schema: Option<FieldType>) -> Result<Cell, Cow<'static, str>> {
    let kind = JsonKind::of(value);
    Ok(match of {
        DataType::Boolean if kind == JsonKind::Bool => Cell::Boolean(value == "true"),
        DataType::Boolean => return Err("it is neither true nor false".into()),
        DataType::Int8 => whole(value, schema, i8::MIN.into(), i8::MAX.into())?,
        DataType::Int16 => whole(value, schema, i16::MIN.into(), i16::MAX.into())?,
        DataType::Int32 => whole(value, schema, i32::MIN.into(), i32::MAX.into())?,
        DataType::Int64 => whole(value, schema, i64::MIN, i64::MAX)?,
        DataType::Float32 => Cell::Float(float(value, true)?),
        DataType::Float64 => Cell::Float(float(value, false)?),
        // Decimals are often sent as text, because readers of JSON make floats of numbers.
        DataType::Decimal128(precision, scale) if kind == JsonKind::String => {
            Cell::Decimal(decimal(&text(value)?, *precision, *scale)?)
        }
        DataType::Decimal128(precision, scale) => Cell::Decimal(decimal(value, *precision, *scale)?),
        DataType::Utf8 => Cell::Text(as_text(value)?),
        DataType::Binary => {
            let bytes = BASE64_STANDARD.decode(&*text(value)?);
            Cell::Bytes(bytes.map_err(|error| format!("it is not Base64 ({error})"))?)
        }
        DataType::Date32 => Cell::Integer(date(value, schema)?),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Cell::Integer(timestamp(value, schema)?),
        DataType::Timestamp(TimeUnit::Microsecond, None) => Cell::Integer(local_timestamp(value)?),
        _ => return Err("this sink does not write columns of its type".into()),
    })
}

/// A whole number; as text only where the message's schema says that the text is one.
fn whole(value: &str, schema: Option<FieldType>, min: i64, max: i64) -> Result<Cell, Cow<'static, str>> {
    let value = match (JsonKind::of(value), schema) {
        (JsonKind::String, Some(FieldType::Integer)) => text(value)?,
        _ => Cow::Borrowed(value),
    };
    integer(&value, min..=max).map(Cell::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_number_unless_the_schema_says_so() {
        assert!(cell(&DataType::Int64, "\"1234\"", None).is_err());
        let integer = cell(&DataType::Int64, "\"1234\"", Some(FieldType::Integer));
        assert_eq!(integer, Ok(Cell::Integer(1234)));
        assert_eq!(
            cell(&DataType::Decimal128(5, 2), "\"1.5\"", None),
            Ok(Cell::Decimal(150))
        );
    }

    #[test]
    fn texts_are_themselves_and_other_values_their_json() {
        let text = |value: &str| cell(&DataType::Utf8, value, None);
        assert_eq!(text(r#""a\u0000b""#), Ok(Cell::Text("a\0b".to_owned())));
        assert_eq!(text("1.50"), Ok(Cell::Text("1.50".to_owned())));
        assert_eq!(text(r#"[1, "x"]"#), Ok(Cell::Text(r#"[1, "x"]"#.to_owned())));
        assert!(text(r#""\ud800""#).is_err(), "a surrogate without its other half");
    }

    #[test]
    fn binary_is_base64() {
        assert_eq!(cell(&DataType::Binary, "\"AP8=\"", None), Ok(Cell::Bytes(vec![0, 255])));
        assert!(cell(&DataType::Binary, "\"AP8\"", None).is_err());
        assert!(cell(&DataType::Binary, "[0,255]", None).is_err());
    }
}
