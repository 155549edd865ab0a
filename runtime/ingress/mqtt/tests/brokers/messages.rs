//! What becomes of what a message carries.

use danube_wasm_model::RecordId;
use serde_json::json;

use crate::support::{
    self,
    mosquitto::Mosquitto,
    publisher::publish,
    source::{MqttProcess as _, Process, TOPIC, new_log},
};

fn table(port: u16, route: &str) -> String {
    format!(
        "url = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"test-plant\"\n\
         routes = [{{ filter = \"plant/#\", danube_topic = \"{TOPIC}\", {route} }}]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_become_headers_attributes_and_the_content_type() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, "qos = 2")).await;
    process.subscribed(1).await;
    let message = json!({
        "topic": "plant/7/t", "payload": "20.5", "qos": 2, "user": [["Unit", "°C"], ["site", "north"]], "content_type": "text/plain",
        "response_topic": "answers", "correlation_data": "c-1", "expiry_secs": 3600,
    });
    publish(broker.port, vec![message]).await;
    let record = log.records(1).await.remove(0);
    let expiry = record.attributes["mqtt.message-expiry"]
        .parse::<u32>()
        .expect("seconds");
    assert!((3500..=3600).contains(&expiry));
    for (name, value) in [
        ("header.unit", "°C"),
        ("header.site", "north"),
        ("content-type", "text/plain"),
        ("mqtt.topic", "plant/7/t"),
        ("mqtt.qos", "2"),
        ("mqtt.retain", "false"),
        ("mqtt.dup", "false"),
        ("mqtt.packet-id", "1"),
        ("mqtt.response-topic", "answers"),
        ("mqtt.correlation-data", "Yy0x"),
    ] {
        assert_eq!(
            record.attributes.get(name).map(String::as_str),
            Some(value),
            "{name}: {record:?}"
        );
    }
    process.stop().await;
}

/// A publisher that has heard no answer publishes again, under another packet id.
#[tokio::test(flavor = "multi_thread")]
async fn a_publishers_own_id_makes_what_it_publishes_twice_one_row() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let by_property = json!({"topic": "plant/a", "payload": "{\"n\": 7}", "user": [["id", "reading-1"]]});
    let by_correlation = json!({"topic": "plant/a", "payload": "{\"n\": 7}", "correlation_data": "reading-1"});
    for (source, message, id) in [
        ("{ property = \"id\" }", by_property.clone(), "reading-1"),
        ("\"correlation-data\"", by_correlation, "reading-1"),
        ("{ pointer = \"/n\" }", by_property, "7"),
    ] {
        for qos in [1, 2] {
            let log = new_log();
            let process = Process::start(&log, &table(broker.port, &format!("qos = {qos}, event_id = {source}"))).await;
            process.subscribed(1).await;
            let mut message = message.clone();
            message["qos"] = qos.into();
            publish(broker.port, vec![message.clone(), message]).await;
            let records = log.until("both are there", |records| records.len() >= 2).await;
            let expected = RecordId::derive(&support::source::id(), "plant/#", id, 0);
            assert!(
                records.iter().all(|record| record.id == expected.as_str()),
                "{source}: {records:?}"
            );
            process.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_the_topic_a_level_or_the_payload() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    for (key, expected) in [
        ("\"topic\"", "plant/7/t"),
        ("{ level = 2 }", "7"),
        ("{ level = 9 }", "plant/7/t"),
        ("{ pointer = \"/device\" }", "d1"),
        ("\"none\"", ""),
    ] {
        let log = new_log();
        let process = Process::start(&log, &table(broker.port, &format!("key = {key}"))).await;
        process.subscribed(1).await;
        publish(
            broker.port,
            vec![json!({"topic": "plant/7/t", "payload": "{\"device\": \"d1\"}"})],
        )
        .await;
        assert_eq!(log.records(1).await[0].key, expected, "{key}");
        process.stop().await;
    }
}
