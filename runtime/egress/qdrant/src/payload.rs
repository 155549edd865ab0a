//! Values of payloads, in Qdrant's own type.

use std::collections::HashMap;

use qdrant_client::qdrant::{Value, value::Kind};

/// A text.
pub(crate) fn text(text: impl Into<String>) -> Value {
    Value {
        kind: Some(Kind::StringValue(text.into())),
    }
}

/// A whole number.
pub(crate) fn integer(number: i64) -> Value {
    Value {
        kind: Some(Kind::IntegerValue(number)),
    }
}

/// What a text says.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    match value.kind.as_ref()? {
        Kind::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The fields of an object.
fn fields(value: &Value) -> Option<&HashMap<String, Value>> {
    match value.kind.as_ref()? {
        Kind::StructValue(object) => Some(&object.fields),
        _ => None,
    }
}

/// What is at a path of names.
pub(crate) fn at_path<'v>(root: &'v HashMap<String, Value>, steps: &[String]) -> Option<&'v Value> {
    let (last, before) = steps.split_last()?;
    let parent = before.iter().try_fold(root, |object, step| fields(object.get(step)?))?;
    parent.get(last)
}

/// Takes out what is at a path of names.
pub(crate) fn remove(root: &mut HashMap<String, Value>, steps: &[String]) -> Option<Value> {
    let (last, before) = steps.split_last()?;
    let parent = before
        .iter()
        .try_fold(root, |object, step| match object.get_mut(step)?.kind.as_mut()? {
            Kind::StructValue(object) => Some(&mut object.fields),
            _ => None,
        })?;
    parent.remove(last)
}

/// A step of a JSON pointer, as it is written.
pub(crate) fn show_step(step: &str) -> String {
    format!("/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// A value in short, for messages.
pub(crate) fn show(value: &Value) -> String {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => "null".to_owned(),
        Some(Kind::BoolValue(value)) => value.to_string(),
        Some(Kind::IntegerValue(number)) => number.to_string(),
        Some(Kind::DoubleValue(number)) => format!("{number:?}"),
        Some(Kind::StringValue(text)) => format!("\"{}\"", crate::shown::shown(text)),
        Some(Kind::ListValue(list)) => format!("a list of {}", list.values.len()),
        Some(Kind::StructValue(object)) => format!("an object of {} fields", object.fields.len()),
    }
}
