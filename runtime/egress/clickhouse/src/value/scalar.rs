//! Values that contain no others.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

use danube_wasm_model::{FieldNode, FieldType};
use uuid::Uuid;

use super::{
    JsonKind, Values,
    binary::put_bytes,
    decimal::{self, Form},
    float, integer, text, when,
};
use crate::types::Type;

type Why = Cow<'static, str>;

impl Values<'_> {
    /// Writes a value of a type that contains no other types.
    pub(super) fn put_scalar(
        &self,
        of: &Type,
        value: &str,
        schema: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Why> {
        if value == "null" {
            return Err("the column is not Nullable".into());
        }
        match of {
            Type::Bool => out.push(boolean(value)?),
            Type::Integer { bytes, signed } => integer::put(&digits(value)?, *bytes, *signed, out)?,
            Type::Float(of) if JsonKind::of(value) == JsonKind::Number => {
                float::put(value, *of, self.conversion.truncate, out)?;
            }
            Type::Float(_) => return Err("it is not a number".into()),
            Type::Decimal {
                precision,
                scale,
                bytes,
            } => {
                let form = Form {
                    precision: *precision,
                    scale: *scale,
                    bytes: *bytes,
                };
                decimal::put(&digits(value)?, form, self.conversion.truncate, out)?;
            }
            Type::String => put_bytes(self.string(value)?.as_bytes(), out),
            Type::FixedString(bytes) => put_fixed(&self.string(value)?, *bytes, out)?,
            Type::Uuid => put_uuid(&text(value)?, out)?,
            Type::Ipv4 => put_ipv4(&text(value)?, out)?,
            Type::Ipv6 => out.extend_from_slice(&ipv6(&text(value)?)?.octets()),
            Type::Date | Type::Date32 | Type::DateTime | Type::DateTime64(_) => {
                when::put(of, value, self.time_form(schema), out)?;
            }
            Type::Enum { bytes, values } => {
                let text = text(value)?;
                let number = values.get(&*text).ok_or("it is none of the column's names")?;
                out.extend_from_slice(&number.to_le_bytes()[..*bytes]);
            }
            _ => return Err("its type is not supported".into()),
        }
        Ok(())
    }

    /// The text of a column of texts.
    fn string<'t>(&self, value: &'t str) -> Result<Cow<'t, str>, Why> {
        match JsonKind::of(value) {
            JsonKind::String => text(value),
            _ if self.conversion.json_to_string => Ok(Cow::Borrowed(value)),
            _ => Err("it is not a string (`json_to_string = true` stores the text of any JSON)".into()),
        }
    }

    /// What numbers in columns of dates count, by the schema or else by the file.
    fn time_form(&self, schema: Option<usize>) -> when::Form {
        let node = schema.zip(self.types).map(|(id, types)| types.node(id));
        let (per_second, in_days) = match node {
            Some(FieldNode::Value(FieldType::Date)) => (None, true),
            Some(FieldNode::Value(FieldType::Timestamp { per_second })) => (Some(*per_second), false),
            _ => (self.conversion.epoch.map(super::Epoch::per_second), false),
        };
        when::Form {
            per_second,
            in_days,
            truncate: self.conversion.truncate,
        }
    }
}

fn boolean(value: &str) -> Result<u8, Why> {
    match value {
        "true" => Ok(1),
        "false" => Ok(0),
        _ => Err("it is neither true nor false".into()),
    }
}

/// A number, or the text of one.
fn digits(value: &str) -> Result<Cow<'_, str>, Why> {
    match JsonKind::of(value) {
        JsonKind::Number => Ok(Cow::Borrowed(value)),
        JsonKind::String => text(value),
        _ => Err("it is neither a number nor the text of one".into()),
    }
}

fn put_fixed(text: &str, bytes: usize, out: &mut Vec<u8>) -> Result<(), Why> {
    let padding = bytes
        .checked_sub(text.len())
        .ok_or_else(|| format!("it has {} bytes, more than {bytes}", text.len()))?;
    out.extend_from_slice(text.as_bytes());
    out.resize(out.len() + padding, 0);
    Ok(())
}

/// Writes a UUID: its two halves, each with its lowest byte first.
fn put_uuid(text: &str, out: &mut Vec<u8>) -> Result<(), Why> {
    // 36 characters: with hyphens, without braces or a prefix.
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == 36);
    let (high, low) = uuid.ok_or("it is not a UUID")?.as_u64_pair();
    out.extend_from_slice(&high.to_le_bytes());
    out.extend_from_slice(&low.to_le_bytes());
    Ok(())
}

fn put_ipv4(text: &str, out: &mut Vec<u8>) -> Result<(), Why> {
    let address: Ipv4Addr = text.parse().map_err(|_| "it is not an IPv4 address")?;
    out.extend_from_slice(&address.to_bits().to_le_bytes());
    Ok(())
}

fn ipv6(text: &str) -> Result<Ipv6Addr, Why> {
    text.parse().map_err(|_| "it is not an IPv6 address".into())
}
