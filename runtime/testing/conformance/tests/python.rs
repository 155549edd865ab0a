//! Danube's own Python client on our server: so that our client and our server cannot share one misreading.
//!
//! The client is installed once, from PyPI, into a virtual environment under the target directory.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, ConsumerOptions, Outgoing, StartAt, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_broker_server::{ServerOptions, serve};
use danube_wasm_conformance::within;
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};
use tokio::net::TcpListener;

/// What is installed. Raise it together with what the client's release says it needs.
const REQUIREMENTS: [&str; 4] = [
    "danube-client==0.5.0",
    "grpcio==1.85.1",
    "protobuf==7.36.2",
    "typing_extensions==4.16.0",
];

/// Python with the client, or why there is none on this machine.
fn python() -> Result<PathBuf, String> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("danube-client-0.5.0");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed"));
    if installed.exists() {
        return Ok(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).output();
    match made {
        Ok(output) if output.status.success() => {}
        Ok(output) => return Err(format!("install python3-venv ({})", words(&output))),
        Err(error) => return Err(format!("install python3 ({error})")),
    }
    let pip = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(REQUIREMENTS)
        .output()
        .expect("pip runs");
    assert!(
        pip.status.success(),
        "{REQUIREMENTS:?} cannot be installed: {}",
        words(&pip)
    );
    std::fs::write(&installed, REQUIREMENTS.join("\n")).expect("writes");
    Ok(python)
}

fn words(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{}{}", out, String::from_utf8_lossy(&output.stderr))
        .trim()
        .to_owned()
}

async fn create(broker: &EmbeddedBroker, topic: &str, partitions: u32, subscription: &str) -> TopicName {
    let topic: TopicName = topic.parse().unwrap();
    let spec = TopicSpec {
        partitions,
        ..TopicSpec::default()
    };
    broker.create_topic(&topic, spec).await.unwrap();
    drop(broker.subscribe(options(&topic, subscription)).await.unwrap());
    topic
}

fn options(topic: &TopicName, subscription: &str) -> ConsumerOptions {
    ConsumerOptions {
        topic: topic.clone(),
        subscription: subscription.into(),
        subscription_type: SubscriptionType::Shared,
        consumer: "in-process".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 1000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn danubes_python_client_publishes_consumes_and_registers() {
    let python = match tokio::task::spawn_blocking(python).await.unwrap() {
        Ok(python) => python,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return;
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let broker = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = broker.clone();
    tokio::spawn(serve(
        log,
        vec![listener],
        ServerOptions::default(),
        std::future::pending(),
    ));

    let ours = create(&broker, "/default/ours", 2, "python").await;
    let records = (0..4).map(|n: u32| Outgoing {
        topic: ours.clone(),
        key: Some(Bytes::from(format!("k{n}"))),
        payload: format!("text {n}").into(),
        attributes: Vec::new(),
        id: RecordId::from_broker(format!("p/c:{n}.0")),
        schema: None,
    });
    let publisher = broker.publisher("ours").await.unwrap();
    publisher.publish(vec![records.collect()]).await.remove(0).unwrap();
    let theirs = create(&broker, "/default/python-partitions", 3, "ours").await;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/client.py");
    let mut client = tokio::process::Command::new(&python);
    let ran = within(client.arg(script).arg(&url).kill_on_drop(true).output())
        .await
        .unwrap();
    assert!(ran.status.success(), "{}", words(&ran));

    // What it published is where our own publisher would have put it, and whole.
    let mut consumer = broker.subscribe(options(&theirs, "ours")).await.unwrap();
    let mut found: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    let first = broker.partition_id(&theirs, Some(0)).unwrap();
    while found.values().map(Vec::len).sum::<usize>() < 16 {
        for message in within(consumer.receive(16)).await.unwrap() {
            let key = String::from_utf8(message.key.unwrap().to_vec()).unwrap();
            let text = String::from_utf8(message.payload.to_vec()).unwrap();
            let place = message.message_id.partition - first;
            found.entry(key).or_default().push((text, place));
        }
    }
    for (key, messages) in &found {
        // FNV-1a of `foobar` and `a`, from the published vectors.
        let hash: u64 = match key.as_str() {
            "foobar" => 0x8594_4171_f739_67e8,
            "a" => 0xaf63_dc4c_8601_ec8c,
            _ => continue,
        };
        let expected: Vec<_> = (0..4).map(|n| (format!("{key}{n}"), hash % 3)).collect();
        assert_eq!(messages, &expected);
    }
    // Everything that it was given it acknowledged, durably.
    let lags = broker.lag().await.unwrap();
    let left: Vec<_> = lags
        .iter()
        .filter(|lag| lag.subscription != "ours" && lag.messages > 0)
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(broker.registry().versions("python").await.unwrap().len(), 2);
}
