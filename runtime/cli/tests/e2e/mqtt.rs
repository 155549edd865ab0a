//! The source `mqtt`: the real binary beside Mosquitto.

use std::{io::Write as _, net::TcpStream, path::Path, process::Stdio};

use danube_wasm_testkit::servers::{self, Server};
use serde_json::json;

use crate::{
    examples,
    harness::{DEADLINE, Pipeline, operate, root},
    log::{once, records},
};

/// Debian's broker on a port of loopback.
struct Mosquitto {
    port: u16,
    _dir: tempfile::TempDir,
    _server: Server,
}

impl Mosquitto {
    /// None if it is not installed.
    fn start() -> Option<Self> {
        let mut program = servers::program("mosquitto")?;
        servers::python("paho.mqtt")?;
        let (dir, port) = (tempfile::tempdir().expect("a directory"), servers::free_port());
        let file = dir.path().join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n");
        std::fs::write(&file, text).expect("its configuration");
        // Mosquitto gives up root's rights where it has them, after it has read this.
        let server = Server::start(program.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()));
        let begun = std::time::Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < DEADLINE, "mosquitto does not listen");
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        Some(Self {
            port,
            _dir: dir,
            _server: server,
        })
    }

    /// Publishes these, with QoS 1, while something else goes on.
    fn publish(&self, topic: &'static str, texts: Vec<String>) -> std::thread::JoinHandle<()> {
        let port = self.port.to_string();
        std::thread::spawn(move || {
            let script = root().join("runtime/ingress/mqtt/tests/brokers/support/publish.py");
            let mut python = servers::python("paho.mqtt").expect("it was there before");
            let python = python.arg(script).args([&port, "-", "-"]).stdin(Stdio::piped());
            let mut child = python.spawn().expect("python");
            let mut stdin = child.stdin.take().expect("its input");
            for text in texts {
                let message = json!({"topic": topic, "payload": text, "qos": 1});
                writeln!(stdin, "{message}").expect("it reads");
            }
            drop(stdin);
            assert!(child.wait().expect("it ends").success(), "nothing could be published");
        })
    }
}

fn run(file: &Path, broker: &Mosquitto) -> Pipeline {
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let pipeline = Pipeline::spawn_with(file, &[("MQTT_URL", &url)]);
    pipeline.until("it is subscribed", |p| {
        p.log("running").is_some() && p.log("subscribed").is_some()
    });
    pipeline
}

/// Events of this label of which there are records.
fn processed(pipeline: &Pipeline, label: &str) -> u64 {
    let (_, metrics) = pipeline.admin("/metrics");
    let of_topic = |line: &&str| line.starts_with("danube_connector_messages_processed_total{") && line.contains(label);
    let values = metrics.lines().filter(of_topic);
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as u64
}

#[test]
fn the_example_makes_records_of_readings_and_a_dead_letter_of_what_is_none() {
    let Some(broker) = Mosquitto::start() else { return };
    let Some(client) = servers::program("mosquitto_pub") else {
        return;
    };
    let dir = examples::copy("mqtt-readings");
    let example = dir.path().join("mqtt-readings");
    let file = example.join("pipeline.toml");
    let pipeline = run(&file, &broker);
    let port = broker.port.to_string();
    let said = examples::script_with(&client, &example, "send-readings.sh", &[("MQTT_PORT", &port)]);
    assert!(said.contains("published 9 readings"), "{said}");
    let letters = || operate(&file, &["dlq", "ls"]).unwrap_or_default();
    pipeline.until("the last one is a dead letter", |_| {
        !letters().as_array().is_none_or(Vec::is_empty)
    });
    let found = letters();
    assert!(
        found.to_string().contains("violates schema `temperature-v1`"),
        "{found}"
    );
    pipeline.stop();
    let records = records(&example.join("data/log"), "/plant/temperatures");
    let readings: Vec<_> = records
        .iter()
        .map(|record| format!("{} {}", record.key, record.text))
        .collect();
    let mut expected = Vec::new();
    for machine in ["press-1", "press-2", "oven-1"] {
        expected.extend(["70.5", "71.25", "70.5"].map(|celsius| format!("{machine} {{\"celsius\": {celsius}}}")));
    }
    assert_eq!(readings, expected);
}

/// Killed under load, again and again: each reading is one row.
#[test]
fn kill_9_under_load_loses_no_reading_and_makes_no_second_row_of_one() {
    let Some(broker) = Mosquitto::start() else { return };
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("pipeline.toml");
    let text = "name = \"test\"\n[admin]\nport = 0\n[[sources]]\nname = \"plant\"\ncomponent = \"builtin:record-source\"\n\
                [sources.mqtt]\nurl = \"${MQTT_URL}\"\nclient_id = \"danube-plant\"\n[[sources.mqtt.routes]]\nfilter = \"plant/#\"\n\
                danube_topic = \"/plant/readings\"\n[[sources.mqtt.routes]]\nfilter = \"end\"\ndanube_topic = \"/plant/end\"\n";
    std::fs::write(&file, text).expect("a pipeline file");
    // Subscribed once, so that the broker keeps everything from here on.
    run(&file, &broker).kill();
    // Every reading twice: equal bytes are readings of their own.
    let readings: Vec<String> = (0..12_000).map(|n| format!("{{\"reading\": {}}}", n / 2)).collect();
    let publishing = broker.publish("plant/press-1", readings.clone());
    for kill in 0..6 {
        let pipeline = run(&file, &broker);
        pipeline.until("some are handled", |p| {
            processed(p, "topic=\"plant/#\"") >= 700 + 250 * kill
        });
        pipeline.kill();
    }
    publishing.join().expect("published");
    let pipeline = run(&file, &broker);
    // Behind all others in the session.
    broker.publish("end", vec!["end".to_owned()]).join().expect("published");
    pipeline.until("the last one is handled", |p| processed(p, "topic=\"end\"") > 0);
    pipeline.stop();
    let records = records(&dir.path().join("data/log"), "/plant/readings");
    let once: Vec<_> = once(&records).into_iter().map(|record| record.text.clone()).collect();
    println!(
        "{} records of {} readings, {} of them twice",
        records.len(),
        once.len(),
        records.len() - once.len()
    );
    assert!(once == readings, "{} readings are {} rows", readings.len(), once.len());
}
