//! An independent client that publishes: paho, the Eclipse Foundation's.

use std::{io::Write as _, path::Path, process::Stdio};

use danube_wasm_testkit::servers;
use serde_json::{Value, json};

use super::mosquitto::Mosquitto;

/// Publishes, and returns when the broker has acknowledged all of it. Each message is an object with `topic`, `payload` and what
/// else `publish.py` knows.
pub(crate) async fn publish(port: u16, messages: Vec<Value>) {
    publish_as(port, ("-", "-"), messages).await;
}

/// With version 3.1.1.
pub(crate) async fn publish_old(port: u16, messages: Vec<Value>) {
    run(
        vec![port.to_string(), "-".to_owned(), "-".to_owned(), "3".to_owned()],
        messages,
    )
    .await;
}

pub(crate) async fn publish_as(port: u16, (user, password): (&str, &str), messages: Vec<Value>) {
    run(vec![port.to_string(), user.to_owned(), password.to_owned()], messages).await;
}

async fn run(args: Vec<String>, messages: Vec<Value>) {
    let run = move || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/brokers/support/publish.py");
        let mut python = servers::python("paho.mqtt").expect("paho, beside the broker");
        let python = python.arg(script).args(args);
        let mut child = python.stdin(Stdio::piped()).spawn().expect("python");
        let mut stdin = child.stdin.take().expect("its input");
        for message in messages {
            writeln!(stdin, "{message}").expect("it reads");
        }
        drop(stdin);
        assert!(child.wait().expect("it ends").success(), "nothing could be published");
    };
    tokio::task::spawn_blocking(run).await.expect("published");
}

/// Messages of this topic with these payloads.
pub(crate) fn texts(topic: &str, qos: u8, texts: impl IntoIterator<Item = impl Into<String>>) -> Vec<Value> {
    let message = |text: String| json!({"topic": topic, "payload": text, "qos": qos});
    texts.into_iter().map(|text| message(text.into())).collect()
}

/// Numbers as texts, from the first to the last.
pub(crate) fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// One message, over TLS with the client's certificate, by Mosquitto's own client.
pub(crate) async fn publish_over_tls(broker: &Mosquitto, topic: &str, text: &str) {
    let mut client = servers::program("mosquitto_pub").expect("it comes with the broker");
    client.args([
        "-h",
        "localhost",
        "-p",
        &broker.port.to_string(),
        "-q",
        "1",
        "-t",
        topic,
        "-m",
        text,
    ]);
    for (option, name) in [
        ("--cafile", "ca.pem"),
        ("--cert", "client.pem"),
        ("--key", "client-key.pem"),
    ] {
        client.arg(option).arg(broker.file(name));
    }
    let status = tokio::task::spawn_blocking(move || client.status())
        .await
        .expect("no panic");
    assert!(status.expect("mosquitto_pub").success());
}
