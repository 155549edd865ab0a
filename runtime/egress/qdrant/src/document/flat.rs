//! Payloads as Danube Connect stored them.

use std::collections::HashMap;

use qdrant_client::qdrant::{ListValue, Value, value::Kind};

use super::METADATA;

/// Names of nested fields joined by dots; without nulls, and without objects and lists in lists.
pub(super) fn flatten(payload: HashMap<String, Value>) -> HashMap<String, Value> {
    let mut flat = HashMap::with_capacity(payload.len());
    for (name, value) in payload {
        match (name.as_str(), value.kind) {
            // Its fields had names of their own: `_danube_topic`.
            (METADATA, Some(Kind::StructValue(object))) => {
                flat.extend(
                    object
                        .fields
                        .into_iter()
                        .map(|(name, value)| (format!("_{name}"), value)),
                );
            }
            (_, kind) => put(&mut flat, name, kind),
        }
    }
    flat
}

fn put(flat: &mut HashMap<String, Value>, name: String, kind: Option<Kind>) {
    match kind {
        None | Some(Kind::NullValue(_)) => {}
        Some(Kind::StructValue(object)) => {
            for (inner, value) in object.fields {
                put(flat, format!("{name}.{inner}"), value.kind);
            }
        }
        Some(Kind::ListValue(list)) => {
            let is_kept = |value: &Value| {
                !matches!(
                    value.kind,
                    None | Some(Kind::NullValue(_) | Kind::StructValue(_) | Kind::ListValue(_))
                )
            };
            let values = list.values.into_iter().filter(is_kept).collect();
            let kind = Some(Kind::ListValue(ListValue { values }));
            flat.insert(name, Value { kind });
        }
        kind => {
            flat.insert(name, Value { kind });
        }
    }
}
