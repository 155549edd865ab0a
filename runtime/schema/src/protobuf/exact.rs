//! What the JSON mapping would let pass, though it changes the document: numbers that do not survive, a field given under
//! both its names, two keys of a map that are the same number.

use std::collections::HashSet;

use danube_wasm_model::door::Violation;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Number, Value};

use crate::{exact, pointer::Pointer, strict, strict::Limits, violations};

/// A number in quotes.
const QUOTED: Limits = Limits {
    bytes_max: 1024,
    depth_max: 0,
    values_max: 1,
};

/// Says what would change. What is of the wrong type altogether is left to the reader.
pub(super) fn check(message: &MessageDescriptor, document: &Value) -> Result<(), Violation> {
    of_message(message, document).map_err(|problem| {
        let mut path = Pointer::default();
        problem.keys.iter().rev().for_each(|key| path.push_key(key));
        violations::at(&path.finish(), problem.message)
    })
}

struct Problem {
    message: &'static str,
    /// From the place to the root.
    keys: Vec<String>,
}

impl Problem {
    fn new(message: &'static str) -> Self {
        Self {
            message,
            keys: Vec::new(),
        }
    }

    fn under(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }
}

fn of_message(message: &MessageDescriptor, value: &Value) -> Result<(), Problem> {
    let wrapped = |kind| of_kind(&kind, value);
    match message.full_name() {
        "google.protobuf.FloatValue" => wrapped(Kind::Float),
        "google.protobuf.DoubleValue" => wrapped(Kind::Double),
        "google.protobuf.Int32Value" => wrapped(Kind::Int32),
        "google.protobuf.UInt32Value" => wrapped(Kind::Uint32),
        "google.protobuf.Int64Value" => wrapped(Kind::Int64),
        "google.protobuf.UInt64Value" => wrapped(Kind::Uint64),
        "google.protobuf.Struct" | "google.protobuf.Value" | "google.protobuf.ListValue" => of_any_json(value),
        name if name.starts_with("google.protobuf.") => Ok(()),
        _ => of_fields(message, value),
    }
}

fn of_fields(message: &MessageDescriptor, value: &Value) -> Result<(), Problem> {
    let mut given = HashSet::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let field = message
            .get_field_by_json_name(key)
            .or_else(|| message.get_field_by_name(key));
        let Some(field) = field else {
            return Err(Problem::new("the message has no such field").under(key));
        };
        let checked = if given.insert(field.number()) {
            of_field(&field, value)
        } else {
            Err(Problem::new("the field is given under both its names"))
        };
        checked.map_err(|problem| problem.under(key))?;
    }
    Ok(())
}

fn of_field(field: &FieldDescriptor, value: &Value) -> Result<(), Problem> {
    if let (Some(entry), Value::Object(members)) = (field.kind().as_message().filter(|_| field.is_map()), value) {
        let (keys, values) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
        for (key, value) in members {
            if !is_plain_key(&keys, key) {
                return Err(Problem::new("this key of a map is not a number as it is usually written").under(key));
            }
            of_kind(&values, value).map_err(|problem| problem.under(key))?;
        }
        return Ok(());
    }
    match value {
        Value::Array(items) if field.is_list() => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| of_kind(&field.kind(), item).map_err(|problem| problem.under(i.to_string()))),
        value => of_kind(&field.kind(), value),
    }
}

/// `01` and `+1` are the key `1` again.
fn is_plain_key(kind: &Kind, key: &str) -> bool {
    match kind {
        Kind::String | Kind::Bool => true,
        _ => {
            let signed = key.parse::<i64>().map(|n| n.to_string());
            let plain = signed.or_else(|_| key.parse::<u64>().map(|n| n.to_string()));
            plain.is_ok_and(|plain| plain == key)
        }
    }
}

fn of_kind(kind: &Kind, value: &Value) -> Result<(), Problem> {
    match (kind, value) {
        (Kind::Message(message), value) => of_message(message, value),
        (Kind::Double | Kind::Float, Value::String(text)) => match text.as_str() {
            "NaN" | "Infinity" | "-Infinity" => Ok(()),
            text => {
                let number = strict::scan(text.as_bytes(), QUOTED)
                    .ok()
                    .and_then(|_| serde_json::from_str(text).ok());
                number.map_or_else(
                    || {
                        Err(Problem::new(
                            "this is not a number, or one that changes when it is read",
                        ))
                    },
                    |number| of_float(kind, &number),
                )
            }
        },
        (Kind::Double | Kind::Float, Value::Number(number)) => of_float(kind, number),
        (Kind::Bool | Kind::String | Kind::Bytes, _) => Ok(()),
        // A double beyond 2^53 cannot be told from its neighbours.
        (_, Value::Number(number))
            if number.is_f64() && number.as_f64().is_none_or(|n| n.abs() > (1u64 << 53) as f64) =>
        {
            Err(Problem::new(
                "this integer is written as a floating-point number, and may have changed",
            ))
        }
        _ => Ok(()),
    }
}

fn of_float(kind: &Kind, number: &Number) -> Result<(), Problem> {
    let survives = match kind {
        Kind::Float => exact::single(number).is_some(),
        _ => exact::double(number).is_some(),
    };
    if survives {
        Ok(())
    } else {
        Err(Problem::new(
            "this number changes as a floating-point number of its type",
        ))
    }
}

/// Inside a `google.protobuf.Struct`, where every number is a double.
fn of_any_json(value: &Value) -> Result<(), Problem> {
    match value {
        Value::Number(number) => of_float(&Kind::Double, number),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(i, item)| of_any_json(item).map_err(|problem| problem.under(i.to_string())))
        }
        Value::Object(members) => members
            .iter()
            .try_for_each(|(key, value)| of_any_json(value).map_err(|problem| problem.under(key))),
        _ => Ok(()),
    }
}
