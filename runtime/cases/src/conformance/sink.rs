//! The points of the sink `device-state`.

use serde_json::{Value, json};

use super::{
    Checked, Point,
    points::{empty, endurance, recovers, telemetry, values},
    subject::{Sample, Subject, inputs, point},
};
use crate::input::Input;

pub(super) const CONFIG: &str =
    "[[topic_mappings]]\ntopic = \"/default/devices\"\nsubscription = \"conformance\"\ntable = \"devices\"\n";

fn configured(own: &str) -> String {
    format!("{CONFIG}[config]\n{own}\n")
}

fn two() -> String {
    format!(
        "{CONFIG}[[topic_mappings]]\ntopic = \"/default/rooms\"\nsubscription = \"conformance\"\ntable = \"rooms\"\n"
    )
}

/// All of them.
pub(super) async fn points(subject: &Subject<'_>) -> Vec<Point> {
    let mut points = vec![
        point("settings: an unknown key is refused, the known one is named", {
            subject
                .refuses(&configured("id_feld = \"id\""), &["id_feld", "id_field"])
                .await
        }),
        point("settings: a value of the wrong type is refused", {
            subject.refuses(&configured("id_field = 7"), &["id_field"]).await
        }),
        point("topics of its mappings", topics(subject).await),
        point("an empty batch", empty(subject, CONFIG).await),
    ];
    for sample in samples() {
        points.push(point(sample.0, subject.sample(&sample).await));
    }
    let reading = Input::new(r#"{"device":"a","celsius":21.5}"#);
    let panics = "{\"payload\":{\"device\":\"a\"}}\n{\"payload\":{\"device\":\"b\",\"panic\":true}}\n{\"payload\":{\"device\":\"c\"}}";
    let panicking = inputs(panics, subject.role());
    let retry = Input::new(r#"{"device":"a","retry":true}"#);
    let (line, numbers) = ("device a: upsert", ("writes", Some(("celsius", 21.5))));
    points.extend([
        point(
            "logs, counts and sets a gauge",
            telemetry(subject, CONFIG, std::slice::from_ref(&reading), line, numbers).await,
        ),
        point(
            "an uncaught error refuses its message only",
            subject.uncaught(CONFIG, panics, "device b panics").await,
        ),
        point(
            "goes on after an uncaught error",
            recovers(subject, CONFIG, &panicking[1], &reading).await,
        ),
        point(
            "goes on after a failed call",
            recovers(subject, CONFIG, &retry, &reading).await,
        ),
        point("1 MiB in one message", large(subject).await),
        point(
            "500 messages: halved, again, one by one, other instances",
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
    let mut topics = subject.start(&two()).await?.topics();
    topics.sort();
    match topics == ["/default/devices", "/default/rooms"] {
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
            "{\"text\":\"{\"}\n{\"text\":\"\"}",
            &rejected(&["not JSON…", "not JSON…"]),
        ),
        sample(
            "what is not UTF-8 is refused",
            CONFIG,
            "{\"base64\":\"/w==\"}",
            &rejected(&["not JSON…"]),
        ),
        sample(
            "JSON that is no object is refused",
            CONFIG,
            "{\"payload\":[1]}\n{\"payload\":null}",
            &rejected(&["a message is a JSON object"; 2]),
        ),
        sample(
            "a message without a device is refused",
            CONFIG,
            "{\"payload\":{\"celsius\":1}}\n{\"payload\":{\"device\":\"\"}}\n{\"payload\":{\"device\":7}}",
            &rejected(&["no device"; 3]),
        ),
    ]
}

/// The points that are cases of calls that fail.
fn failures() -> Vec<Sample> {
    vec![
        sample(
            "a failure that is to be tried again, with its wait",
            CONFIG,
            "{\"payload\":{\"device\":\"a\"}}\n{\"payload\":{\"retry\":true}}",
            &json!({"failure":{"kind":"retryable","message":"told to wait","retry_after_ms":50}}).to_string(),
        ),
        sample(
            "a failure that is final",
            CONFIG,
            "{\"payload\":{\"fatal\":true}}",
            &json!({"failure":{"kind":"fatal","message":"told to stop"}}).to_string(),
        ),
    ]
}

/// The points that are cases.
fn samples() -> Vec<Sample> {
    let mut samples = vec![
        sample(
            "upserts by id, with the message's order",
            CONFIG,
            "{\"payload\":{\"device\":\"a\",\"celsius\":21.5},\"order\":1767225600000123}\n{\"payload\":{\"device\":\"🦀\",\"celsius\":-3}}",
            &format!(
                "{}\n{}",
                write(0, "upsert", "a", 1_767_225_600_000_123, json!({"celsius":21.5})),
                write(1, "upsert", "🦀", 2, json!({"celsius":-3}))
            ),
        ),
        sample(
            "merges",
            CONFIG,
            r#"{"payload":{"device":"a","merge":true,"room":"north"},"order":9}"#,
            &write(0, "merge", "a", 9, json!({"room":"north"})),
        ),
        sample(
            "deletes",
            CONFIG,
            r#"{"payload":{"device":"a","gone":true},"order":9}"#,
            &json!({"from":[0],"write":"delete","target":"devices","id":"a","order":9}).to_string(),
        ),
        sample(
            "attributes are read, each message's own",
            CONFIG,
            "{\"payload\":{\"device\":\"a\"},\"attributes\":{\"site\":\"Köln\"}}\n{\"payload\":{\"device\":\"b\"},\"attributes\":{\"x\":\"y\"}}",
            &format!(
                "{}\n{}",
                write(0, "upsert", "a", 1, json!({"site":"Köln"})),
                write(1, "upsert", "b", 2, json!({}))
            ),
        ),
        sample(
            "the field of the id is a setting",
            &configured("id_field = \"serial\""),
            "{\"payload\":{\"device\":\"a\"}}\n{\"payload\":{\"serial\":\"s\",\"device\":\"a\"}}",
            &format!(
                "{}\n{}",
                refused(0, "no serial"),
                write(1, "upsert", "s", 2, json!({"device":"a"}))
            ),
        ),
        sample(
            "the rest of the batch goes on beside refused messages",
            CONFIG,
            "{\"text\":\"{\"}\n{\"payload\":{\"device\":\"b\"}}\n{\"payload\":{}}\n{\"payload\":{\"device\":\"d\"}}",
            &format!(
                "{}\n{}\n{}\n{}",
                refused(0, "not JSON…"),
                write(1, "upsert", "b", 2, json!({})),
                refused(2, "no device"),
                write(3, "upsert", "d", 4, json!({}))
            ),
        ),
        sample(
            "a write goes to the table of its message's topic",
            &two(),
            "{\"topic\":\"/default/rooms\",\"payload\":{\"device\":\"a\"}}\n{\"topic\":\"/default/devices\",\"payload\":{\"device\":\"b\"}}",
            &format!(
                "{}\n{}",
                write(0, "upsert", "a", 1, json!({})).replace("devices", "rooms"),
                write(1, "upsert", "b", 2, json!({}))
            ),
        ),
    ];
    samples.extend(refusals());
    samples.extend(failures());
    for (name, text) in values() {
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let message = json!({ "text": format!(r#"{{"device":"v","value":{text}}}"#) }).to_string();
        samples.push(sample(
            name,
            CONFIG,
            &message,
            &write(0, "upsert", "v", 1, json!({ "value": value })),
        ));
    }
    samples
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

fn write(place: usize, operation: &str, id: &str, order: u64, document: Value) -> String {
    json!({"from":[place],"write":operation,"target":"devices","id":id,"order":order,"payload":document}).to_string()
}

async fn large(subject: &Subject<'_>) -> Checked {
    let text = "x".repeat(1 << 20);
    let message = json!({ "payload": { "device": "big", "text": text } }).to_string();
    let written = write(0, "upsert", "big", 1, json!({ "text": text }));
    subject
        .sample(&sample("", CONFIG, &message, &written))
        .await
        .map_err(|diff| {
            format!(
                "something else than the text was written: {}",
                diff.chars().take(200).collect::<String>()
            )
        })
}

/// 500 messages, some of which are refused.
fn mixed() -> Vec<Input> {
    let message = |i: usize| match i % 10 {
        3 => Input::new("{"),
        5 => Input::new(format!(r#"{{"device":"d-{i}","gone":true}}"#)),
        7 => Input::new(r#"{"celsius":1}"#),
        8 => Input::new(format!(r#"{{"device":"d-{i}","merge":true,"room":"r-{i}"}}"#)),
        _ => Input {
            attributes: vec![("site".to_owned(), format!("site-{i}"))],
            ..Input::new(format!(r#"{{"device":"d-{i}","celsius":{i}}}"#))
        },
    };
    (0..500).map(message).collect()
}
