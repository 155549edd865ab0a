//! The points of the source `order-lines`.

use serde_json::{Value, json};

use super::{
    Checked, Point,
    points::{empty, endurance, recovers, telemetry, values},
    subject::{Sample, Subject, inputs, point},
};
use crate::{input::Input, run::numbered};

pub(super) const CONFIG: &str = "[[endpoints]]\npath = \"/orders\"\ndanube_topic = \"/shop/lines\"\n";

fn configured(own: &str) -> String {
    format!("{CONFIG}[config]\n{own}\n")
}

/// All of them.
pub(super) async fn points(subject: &Subject<'_>) -> Vec<Point> {
    let mut points = vec![
        point("settings: an unknown key is refused, the known ones are named", {
            subject
                .refuses(&configured("key_feld = \"id\""), &["key_feld", "key_field", "forward"])
                .await
        }),
        point("settings: a value of the wrong type is refused", {
            subject.refuses(&configured("key_field = 7"), &["key_field"]).await
        }),
        point("topics of its endpoints, each once", topics(subject).await),
        point("an empty batch", empty(subject, CONFIG).await),
    ];
    for sample in samples() {
        points.push(point(sample.0, subject.sample(&sample).await));
    }
    let order = Input::new(r#"{"id":"o-1","lines":[1,2]}"#);
    let line = "order o-1: 2 lines";
    let panics = "{\"payload\":{\"id\":\"a\",\"lines\":[1]}}\n{\"payload\":{\"id\":\"b\",\"panic\":true,\"lines\":[1]}}\n{\"payload\":{\"id\":\"c\",\"lines\":[1]}}";
    let panicking = inputs(panics, subject.role());
    points.extend([
        point(
            "logs and counts",
            telemetry(subject, CONFIG, std::slice::from_ref(&order), line, ("orders", None)).await,
        ),
        point(
            "an uncaught error refuses its event only",
            subject.uncaught(CONFIG, panics, "order b panics").await,
        ),
        point(
            "goes on after an uncaught error",
            recovers(subject, CONFIG, &panicking[1], &order).await,
        ),
        point(
            "forwards bytes untouched, by reference: 1 MiB, NUL, not UTF-8, none",
            forwards(subject).await,
        ),
        point("1 MiB in one order", large(subject).await),
        point("1,000 lines of one order", many_lines(subject).await),
        point(
            "500 events: halved, again, one by one, other instances",
            subject.steady(CONFIG, mixed()).await,
        ),
        point(
            "20,000 calls of 10 within its limits",
            endurance(subject, CONFIG, &mixed()).await,
        ),
    ]);
    points
}

async fn topics(subject: &Subject<'_>) -> Checked {
    let two = format!("{CONFIG}[[endpoints]]\npath = \"/returns\"\ndanube_topic = \"/shop/returns\"\n");
    let three = format!("{two}[[endpoints]]\npath = \"/again\"\ndanube_topic = \"/shop/lines\"\n");
    let mut topics = subject.start(&three).await?.topics();
    topics.sort();
    match topics == ["/shop/lines", "/shop/returns"] {
        true => Ok(None),
        false => Err(format!("it names {topics:?}")),
    }
}

fn sample(name: &'static str, config: &str, events: &str, expected: &str) -> Sample {
    (name, config.to_owned(), events.to_owned(), expected.to_owned())
}

/// The points that are cases of inputs that are refused.
fn refusals() -> Vec<Sample> {
    vec![
        sample(
            "what is not JSON is refused",
            CONFIG,
            "{\"text\":\"{\"}\n{\"text\":\"\"}\n{\"text\":\"{\\\"id\\\":\\\"a\\\"} x\"}",
            &rejected(&["not JSON…", "not JSON…", "not JSON…"]),
        ),
        // The second is an id with a byte that is no UTF-8 inside JSON.
        sample(
            "what is not UTF-8 is refused",
            CONFIG,
            "{\"base64\":\"/w==\"}\n{\"base64\":\"eyJpZCI6Iv8iLCJsaW5lcyI6WzFdfQ==\"}",
            &rejected(&["not JSON…", "not JSON…"]),
        ),
        sample(
            "JSON that is no object is refused",
            CONFIG,
            "{\"payload\":[1]}\n{\"payload\":\"text\"}\n{\"payload\":null}\n{\"payload\":7}",
            &rejected(&["an order is a JSON object"; 4]),
        ),
        sample(
            "an order without an id is refused",
            CONFIG,
            "{\"payload\":{\"lines\":[1]}}\n{\"payload\":{\"id\":\"\",\"lines\":[1]}}\n{\"payload\":{\"id\":7,\"lines\":[1]}}",
            &rejected(&["an order needs an id"; 3]),
        ),
        sample(
            "an order without lines is refused with its message",
            CONFIG,
            "{\"payload\":{\"id\":\"a\"}}\n{\"payload\":{\"id\":\"b\",\"lines\":[]}}\n{\"payload\":{\"id\":\"🦀\",\"lines\":{}}}",
            &rejected(&["order a has no lines", "order b has no lines", "order 🦀 has no lines"]),
        ),
    ]
}

/// The points that are cases.
fn samples() -> Vec<Sample> {
    let two = format!("{CONFIG}[[endpoints]]\npath = \"/returns\"\ndanube_topic = \"/shop/returns\"\n");
    let mut samples = vec![
        sample(
            "a record of each line, with id and key",
            CONFIG,
            r#"{"payload":{"id":"o-1","lines":[{"sku":"a"},{"sku":"b"}]}}"#,
            "{\"from\":[0],\"topic\":\"/shop/lines\",\"id\":\"o-1:0\",\"key\":\"o-1\",\"payload\":{\"order\":\"o-1\",\"line\":0,\"item\":{\"sku\":\"a\"}}}\n\
             {\"from\":[0],\"topic\":\"/shop/lines\",\"id\":\"o-1:1\",\"key\":\"o-1\",\"payload\":{\"order\":\"o-1\",\"line\":1,\"item\":{\"sku\":\"b\"}}}",
        ),
        sample(
            "the rest of the batch goes on beside refused events",
            CONFIG,
            "{\"text\":\"{\"}\n{\"payload\":{\"id\":\"b\",\"lines\":[1]}}\n{\"payload\":{\"id\":\"c\"}}\n{\"payload\":{\"id\":\"d\",\"lines\":[2]}}",
            &format!(
                "{}\n{}\n{}\n{}",
                refused(0, "not JSON…"),
                record(1, "b", "b", json!(1)),
                refused(2, "order c has no lines"),
                record(3, "d", "d", json!(2))
            ),
        ),
        sample(
            "headers are read, each event's own",
            CONFIG,
            "{\"payload\":{\"id\":\"a\",\"lines\":[1]},\"headers\":{\"X-Tenant\":\"zoo\"}}\n{\"payload\":{\"id\":\"b\",\"lines\":[1]},\"headers\":{\"other\":\"x\"}}\n{\"payload\":{\"id\":\"c\",\"lines\":[1]},\"headers\":{\"x-tenant\":\"日本\"}}",
            &format!(
                "{}\n{}\n{}",
                tagged(0, "a", "zoo"),
                record(1, "b", "b", json!(1)),
                tagged(2, "c", "日本")
            ),
        ),
        sample(
            "keys: emoji, numbers, booleans, none",
            &configured("key_field = \"who\""),
            &keys().0,
            &keys().1,
        ),
        sample(
            "answers its caller",
            CONFIG,
            r#"{"payload":{"id":"a","lines":[1],"ask":true}}"#,
            &format!(
                "{}\n{}",
                record(0, "a", "a", json!(1)),
                json!({"from":[0],"answer":{"status":202,"content_type":"text/plain…","text":"order a: 1 lines"}})
            ),
        ),
        sample(
            "a record goes to the topic of its event's endpoint",
            &two,
            "{\"endpoint\":\"/returns\",\"payload\":{\"id\":\"a\",\"lines\":[1]}}\n{\"endpoint\":\"/orders\",\"payload\":{\"id\":\"b\",\"lines\":[1]}}",
            &format!(
                "{}\n{}",
                record(0, "a", "a", json!(1)).replace("/shop/lines", "/shop/returns"),
                record(1, "b", "b", json!(1))
            ),
        ),
    ];
    samples.extend(refusals());
    for (name, text) in values() {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let event = json!({ "text": format!(r#"{{"id":"v","lines":[{text}]}}"#) }).to_string();
        samples.push(sample(name, CONFIG, &event, &record(0, "v", "v", value)));
    }
    samples
}

fn keys() -> (String, String) {
    let keys = [
        (json!("🦀🔑"), Some("🦀🔑")),
        (json!(7), Some("7")),
        (json!(true), Some("true")),
        (json!(null), None),
        (json!(""), None),
    ];
    let mut texts = (String::new(), String::new());
    for (place, (who, key)) in keys.into_iter().enumerate() {
        let order = json!({ "payload": { "id": "a", "who": who, "lines": [1] } });
        texts.0.push_str(&format!("{order}\n"));
        texts
            .1
            .push_str(&(record(place, "a", key.unwrap_or_default(), json!(1)) + "\n"));
    }
    let missing = json!({ "payload": { "id": "a", "lines": [1] } });
    texts.0.push_str(&format!("{missing}\n"));
    texts.1.push_str(&record(5, "a", "", json!(1)));
    texts
}

fn rejected(messages: &[&str]) -> String {
    let lines: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(i, message)| refused(i, message))
        .collect();
    lines.join("\n")
}

fn refused(place: usize, message: &str) -> String {
    json!({"from":[place],"rejected":"invalid-data","message":message}).to_string()
}

/// The record of an order's only line.
fn record(place: usize, id: &str, key: &str, item: Value) -> String {
    record_value(place, id, key, item).to_string()
}

fn record_value(place: usize, id: &str, key: &str, item: Value) -> Value {
    let mut record = json!({"from":[place],"topic":"/shop/lines","id":format!("{id}:0"),"payload":{"order":id,"line":0,"item":item}});
    if !key.is_empty() {
        record["key"] = json!(key);
    }
    record
}

fn tagged(place: usize, id: &str, tenant: &str) -> String {
    let mut record = record_value(place, id, id, json!(1));
    record["attributes"] = json!({ "tenant": tenant });
    record.to_string()
}

async fn forwards(subject: &Subject<'_>) -> Checked {
    let payloads: [Vec<u8>; 6] = [
        vec![0xff, 0x00, 0xfe],
        Vec::new(),
        b"{ \"id\" : 1 }\r\n".to_vec(),
        (0..1u32 << 20)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect(),
        "🦀\0".as_bytes().to_vec(),
        b"not JSON".to_vec(),
    ];
    let mut inputs: Vec<_> = payloads.into_iter().map(Input::new).collect();
    inputs[0].headers = vec![("x-tenant".to_owned(), "zoo".to_owned())];
    let guest = subject.start(&configured("forward = true")).await?;
    let inputs = numbered(&inputs);
    let outputs = guest.call(&inputs).await.map_err(|error| error.to_string())?;
    if outputs.len() != inputs.len() || outputs.iter().any(|output| output.get("topic").is_none()) {
        return Err(format!("{} outputs of {} events", outputs.len(), inputs.len()));
    }
    if outputs[0].get("attributes") != Some(&json!({ "tenant": "zoo" })) {
        return Err("the attribute of the first event is missing".to_owned());
    }
    match guest.forwards(&inputs).await {
        Ok(true) => Ok(None),
        Ok(false) => Err("payloads are copied, not taken by reference (`reuse`)".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn large(subject: &Subject<'_>) -> Checked {
    let text = "x".repeat(1 << 20);
    let event = json!({ "payload": { "id": "big", "lines": [text] } }).to_string();
    subject
        .sample(&sample("", CONFIG, &event, &record(0, "big", "big", json!(text))))
        .await
        .map_err(|diff| {
            format!(
                "something else than the text came out: {}",
                diff.chars().take(200).collect::<String>()
            )
        })
}

async fn many_lines(subject: &Subject<'_>) -> Checked {
    let lines: Vec<_> = (0..1_000).collect();
    let event = json!({ "payload": { "id": "m", "lines": lines } }).to_string();
    let records = lines.iter().map(|i| {
        json!({"from":[0],"topic":"/shop/lines","id":format!("m:{i}"),"key":"m","payload":{"order":"m","line":i,"item":i}}).to_string()
    });
    subject
        .sample(&sample("", CONFIG, &event, &records.collect::<Vec<_>>().join("\n")))
        .await
}

/// 500 events, some of which are refused.
fn mixed() -> Vec<Input> {
    let event = |i: usize| match i % 10 {
        3 => Input::new("{"),
        7 => Input::new(format!(r#"{{"id":"order-{i}","lines":[]}}"#)),
        _ => Input {
            headers: vec![("x-tenant".to_owned(), format!("tenant-{i}"))],
            ..Input::new(format!(r#"{{"id":"order-{i}","lines":[{i},{{"sku":"s-{i}"}}]}}"#))
        },
    };
    (0..500).map(event).collect()
}
