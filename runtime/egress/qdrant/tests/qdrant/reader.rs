//! Many documents of many shapes, read value by value by a client that knows nothing of this sink.

use danube_wasm_model::{door::Write, message::Operation};
use serde_json::{Value, json};

use crate::support::{
    DEADLINE, report,
    server::{Server, collection, is_same},
    sink, text, write,
};

/// Documents of twelve types. `None` for what no payload can hold.
fn document(i: usize) -> (String, Option<Value>) {
    let n = i as i64;
    let whole = |value: Value| (value.to_string(), Some(value));
    match i % 12 {
        0 => whole(json!({"type": "int", "v": (1_i64 << 53) + n % 3 - 1})),
        1 => whole(json!({"type": "min", "v": i64::MIN + n})),
        2 => (format!("{{\"type\":\"u64\",\"v\":{}}}", u64::MAX - i as u64), None),
        3 => whole(json!({"type": "float", "v": f64::from(i as u32) / 7.0})),
        4 => (
            format!("{{\"type\":\"decimal\",\"v\":{i}.10}}"),
            Some(json!({"type": "decimal", "v": f64::from(i as u32) + 0.1})),
        ),
        5 => whole(json!({"type": "text", "v": format!("ünï \u{0} 漢 {i}\n\"")})),
        6 => (format!("{{\"type\":\"surrogate\",\"v\":\"\\ud800{i}\"}}"), None),
        7 => whole(json!({"type": "nested", "v": {"a": [{"b": [i, null, true, {}]}], "": {}}})),
        8 => whole(json!({"type": "empty", "v": [], "w": {}, "x": "", "y": null})),
        9 => whole(json!({"type": "time", "v": "2016-12-31T23:59:60Z", "w": "0001-01-01", "x": "9999-12-31"})),
        10 => whole(json!({"type": "keys", "a.b": 1, "a/b": 2, "~": 3, "[0]": 4, "v": "x".repeat(i % 100)})),
        _ => whole(json!({"type": "bool", "v": i.is_multiple_of(2)})),
    }
}

fn count() -> usize {
    let given = std::env::var("QDRANT_POINTS").ok().and_then(|count| count.parse().ok());
    given.unwrap_or(6_000)
}

#[tokio::test]
async fn every_value_is_equal_and_every_other_document_is_refused_by_name() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(
        &server.url,
        &name,
        "",
        "vector_dimension = 4\ndistance = \"Dot\"",
    ));
    let documents: Vec<_> = (0..count()).map(document).collect();
    let writes: Vec<Write> = documents
        .iter()
        .enumerate()
        .map(|(i, (body, _))| {
            let vector = json!([f64::from(i as u32) * 0.1, i, -1.5e-30, 3.402_823_4e38]);
            let body = format!("{{\"vector\":{vector},{}", &body[1..]);
            write(&name, Operation::Insert, &i.to_string(), &body)
        })
        .collect();
    let mut refused = std::collections::BTreeMap::new();
    for (part, batch) in writes.chunks(500).enumerate() {
        let report = report(&sink, batch).await;
        refused.extend(report.refused.into_iter().map(|(place, why)| (part * 500 + place, why)));
    }
    let points = tokio::time::timeout(DEADLINE * 5, server.points(&name))
        .await
        .expect("they are read");
    for (i, (body, expected)) in documents.iter().enumerate() {
        let point = points.get(&i.to_string());
        match expected {
            Some(expected) => {
                let point = point.unwrap_or_else(|| panic!("{body} is not there: {:?}", refused.get(&i)));
                assert!(is_same(&point.own(), expected), "{body}: {point:?}");
                #[expect(clippy::cast_possible_truncation, reason = "vectors have 32 bits")]
                let vector = [(f64::from(i as u32) * 0.1) as f32, i as f32, -1.5e-30, 3.402_823_4e38].map(f64::from);
                assert_eq!(point.vector, json!(vector));
            }
            None => {
                assert!(point.is_none(), "{body}");
                let why = &refused[&i];
                assert!(why.contains("`/v` cannot be stored"), "{why}");
            }
        }
    }
    assert_eq!(points.len() + refused.len(), documents.len());
}
