//! An independent client: Confluent's, of Python.

use std::{
    io::Write as _,
    path::Path,
    process::{Child, Stdio},
};

use danube_wasm_testkit::servers;
use serde_json::{Value, json};

/// Does all of this, in order, and gives the answers to what asks for one. See `client.py`.
pub(crate) async fn run(brokers: &str, steps: Vec<Value>) -> Vec<Value> {
    run_as(json!({"bootstrap.servers": brokers}), steps).await
}

/// As this user.
pub(crate) async fn run_as(config: Value, steps: Vec<Value>) -> Vec<Value> {
    let run = move || {
        let mut child = spawn(&config);
        let mut stdin = child.stdin.take().expect("its input");
        for step in steps {
            writeln!(stdin, "{step}").expect("it reads");
        }
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "the client failed: {errors}");
        let answers = String::from_utf8_lossy(&output.stdout).into_owned();
        answers.lines().map(|line| line.parse().expect("JSON")).collect()
    };
    tokio::task::spawn_blocking(run).await.expect("done")
}

fn spawn(config: &Value) -> Child {
    // Another crate's tests use it, too.
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut scripts = folders.map(|folder| folder.join("runtime/ingress/kafka/tests/kafka/support/client.py"));
    let script = scripts.find(|script| script.exists()).expect("its script");
    let mut python = servers::python("confluent_kafka").expect("Confluent's client, beside the broker");
    let python = python.arg(script).arg(config.to_string());
    let python = python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    python.spawn().expect("python")
}

/// Makes a topic.
pub(crate) async fn create(brokers: &str, topic: &str, partitions: usize) {
    run(
        brokers,
        vec![json!({"op": "create", "topic": topic, "partitions": partitions})],
    )
    .await;
}

/// Records of this topic with these values, and keys from 0 to 9 in turn.
pub(crate) fn values(topic: &str, values: impl IntoIterator<Item = impl ToString>) -> Vec<Value> {
    let record = |(at, value): (usize, String)| json!({"op": "produce", "topic": topic, "key": format!("k{}", at % 10), "value": value});
    values
        .into_iter()
        .map(|value| value.to_string())
        .enumerate()
        .map(record)
        .collect()
}

/// Produces these values.
pub(crate) async fn produce(brokers: &str, topic: &str, texts: impl IntoIterator<Item = impl ToString>) {
    run(brokers, values(topic, texts)).await;
}

/// What the group has committed of each partition; -1001 for nothing.
pub(crate) async fn committed(brokers: &str, group: &str, topic: &str, partitions: usize) -> Vec<i64> {
    let step = json!({"op": "committed", "group": group, "topic": topic, "partitions": partitions});
    let answers = run(brokers, vec![step]).await;
    serde_json::from_value(answers[0].clone()).expect("offsets")
}
