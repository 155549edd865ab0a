//! Types of columns, as files and messages name them.

use std::{fmt, str::FromStr};

use arrow_schema::{DataType, TimeUnit};

/// A type of a column that a file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnType(pub(crate) DataType);

const KINDS: &str = "one of string, long, integer, short, byte, double, float, decimal(P,S), boolean, binary, date, timestamp and \
    timestamp_ntz";

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = match text {
            "string" | "Utf8" => DataType::Utf8,
            // Delta has no unsigned numbers: the next wider holds them all.
            "long" | "Int64" | "UInt32" | "UInt64" => DataType::Int64,
            "integer" | "Int32" | "UInt16" => DataType::Int32,
            "short" | "Int16" | "UInt8" => DataType::Int16,
            "byte" | "Int8" => DataType::Int8,
            "double" | "Float64" => DataType::Float64,
            "float" | "Float32" => DataType::Float32,
            "boolean" | "Boolean" => DataType::Boolean,
            "binary" | "Binary" => DataType::Binary,
            "date" | "Date32" | "Date64" => DataType::Date32,
            "timestamp" | "Timestamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            "timestamp_ntz" => DataType::Timestamp(TimeUnit::Microsecond, None),
            other => return decimal(other).map(Self).ok_or_else(|| format!("a type is {KINDS}")),
        };
        Ok(Self(known))
    }
}

fn decimal(text: &str) -> Option<DataType> {
    let inside = text.strip_prefix("decimal(")?.strip_suffix(')')?;
    let (precision, scale) = inside.split_once(',')?;
    let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let is_valid = (1..=38).contains(&precision) && scale >= 0 && scale <= i8::try_from(precision).ok()?;
    is_valid.then_some(DataType::Decimal128(precision, scale))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(&self.0))
    }
}

/// A type as Delta's users know it.
pub(crate) fn name(of: &DataType) -> String {
    match of {
        DataType::Utf8 => "string".to_owned(),
        DataType::Int64 => "long".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int16 => "short".to_owned(),
        DataType::Int8 => "byte".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Binary => "binary".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp".to_owned(),
        DataType::Timestamp(_, None) => "timestamp_ntz".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(element) => format!("array<{}>", name(element.data_type())),
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| format!("{}:{}", field.name(), name(field.data_type())));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map<{},{}>", name(fields[0].data_type()), name(fields[1].data_type()))
            }
            _ => "map".to_owned(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_as_it_is_shown() {
        for text in [
            "string",
            "long",
            "integer",
            "short",
            "byte",
            "double",
            "float",
            "boolean",
            "binary",
            "date",
            "timestamp",
            "timestamp_ntz",
            "decimal(38,0)",
            "decimal(10,2)",
            "decimal(5,5)",
        ] {
            assert_eq!(text.parse::<ColumnType>().map(|of| of.to_string()).as_deref(), Ok(text));
        }
        assert_eq!(
            "UInt8".parse::<ColumnType>().map(|of| of.to_string()).as_deref(),
            Ok("short")
        );
        for text in [
            "",
            "text",
            "decimal",
            "decimal(39,0)",
            "decimal(5,6)",
            "decimal(5,-1)",
            "timestamp(3)",
        ] {
            text.parse::<ColumnType>().expect_err(text);
        }
    }
}
