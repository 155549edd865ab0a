//! A sample as JSON.

use serde_json::{Map, Value, json};

use super::{
    masking,
    sample::{Sample, Side},
};
use crate::dead_letters::readable;

/// The sample, with secrets masked.
pub(crate) fn value(sample: &Sample) -> Value {
    let mut value = json!({
        "connector": sample.connector.as_str(),
        "direction": sample.direction,
        "time_ms": sample.time_ms,
        "before": side(&sample.before),
        "after": sample.after.iter().map(side).collect::<Vec<_>>(),
    });
    if sample.more > 0 {
        value["more"] = json!(sample.more);
    }
    if let Some(error) = &sample.error {
        value["error"] = json!(error);
    }
    masking::mask(&mut value, &sample.secrets);
    value
}

fn side(side: &Side) -> Value {
    let mut value = Map::new();
    let (place, name) = &side.place;
    value.insert((*place).to_owned(), json!(name));
    if let Some(operation) = side.operation {
        value.insert("operation".to_owned(), json!(operation));
    }
    if !side.id.is_empty() {
        value.insert("id".to_owned(), json!(side.id));
    }
    if !side.key.is_empty() {
        value.insert("key".to_owned(), readable(&side.key).1);
    }
    let (form, payload) = readable(&side.payload);
    // JSON and text speak for themselves.
    if form == "hex" {
        value.insert("payload_form".to_owned(), json!(form));
    }
    value.insert("payload".to_owned(), payload);
    if side.cut > 0 {
        value.insert("payload_bytes_left_out".to_owned(), json!(side.cut));
    }
    for (name, pairs) in [("attributes", &side.attributes), ("headers", &side.headers)] {
        if !pairs.is_empty() {
            let pairs: Map<_, _> = pairs.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
            value.insert(name.to_owned(), Value::Object(pairs));
        }
    }
    Value::Object(value)
}
