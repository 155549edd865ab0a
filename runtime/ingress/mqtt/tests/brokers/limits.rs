//! Messages that are too large, and brokers that send too many.

use serde_json::json;

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, narrow_log, new_log, table, texts_once},
};

const TEMPERATURE: &str = "plant/1/temperature";

/// bytebeamio/rumqtt#924: a large message ended the connection, came again, and ended the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_left_out_and_never_comes_again() {
    for version in ["5", "3.1.1"] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(
            broker.port,
            1,
            &format!("protocol = \"{version}\"\nmax_packet_bytes = 1000"),
        );
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        let large = json!({"topic": TEMPERATURE, "payload": "x".repeat(100_000), "qos": 1});
        let small = texts(TEMPERATURE, 1, ["before", "after"]);
        publish(broker.port, vec![small[0].clone(), large, small[1].clone()]).await;
        assert_eq!(texts_once(&log.records(2).await), ["before", "after"], "{version}");
        // A broker of version 5 is told the limit, and keeps to it.
        let left_out = usize::from(version == "3.1.1");
        assert_eq!(
            process.sum("danube_wasm_mqtt_messages_left_out_total", "unfit"),
            left_out
        );
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
        process.stop().await;
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        publish(broker.port, texts(TEMPERATURE, 1, ["later"])).await;
        log.records(3).await;
        assert_eq!(
            process.sum("danube_wasm_mqtt_messages_left_out_total", ""),
            0,
            "it was acknowledged"
        );
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_stops_the_source_if_it_is_to() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let table = table(broker.port, 1, "protocol = \"3.1.1\"\nmax_packet_bytes = 1000");
    let table = table.replace("qos = 1", "qos = 1, on_invalid = \"stop\"");
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    let large = json!({"topic": TEMPERATURE, "payload": "x".repeat(5000), "qos": 1});
    publish(broker.port, vec![large]).await;
    let status = process
        .status("it stops", |status| {
            matches!(status, danube_wasm_pipeline::Status::Failed(_))
        })
        .await;
    let why = status.reason().expect("a reason");
    assert!(why.contains(TEMPERATURE) && why.contains("`max_packet_bytes`"), "{why}");
    process.stop().await;
}

/// mosquitto 2.0.11 sends all it has after the first acknowledgements: eclipse/mosquitto#2306.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_sends_past_the_receive_maximum_loses_nothing() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let process = Process::start(&log, &table(broker.port, qos, "receive_maximum = 6")).await;
        process.subscribed(1).await;
        process.shut();
        let readings = numbers(1..=400);
        publish(broker.port, texts(TEMPERATURE, qos, readings.clone())).await;
        process.open();
        let records = log.records(readings.len()).await;
        assert_eq!(texts_once(&records), readings, "QoS {qos}");
        assert_eq!(records.len(), readings.len());
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
        process.stop().await;
    }
}

/// What no record of our broker holds: the session goes on, and nothing comes again for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_of_records_is_a_dead_letter_and_the_stream_goes_on() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = narrow_log(4_096);
    let process = Process::start(&log, &table(broker.port, 1, "")).await;
    process.subscribed(1).await;
    let large = "x".repeat(5_000);
    publish(broker.port, texts(TEMPERATURE, 1, ["before", large.as_str(), "after"])).await;
    assert_eq!(texts_once(&log.records(2).await), ["before", "after"]);
    let letters = log.dead_letters(1).await;
    assert_eq!(letters[0].text, large);
    let why = &letters[0].attributes["dlq.message"];
    assert!(why.contains("the log takes 4096"), "{why}");
    assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
    process.stop().await;
    // It was acknowledged.
    let process = Process::start(&log, &table(broker.port, 1, "")).await;
    process.subscribed(1).await;
    publish(broker.port, texts(TEMPERATURE, 1, ["later"])).await;
    assert_eq!(texts_once(&log.records(3).await), ["before", "after", "later"]);
    assert_eq!(log.dead_letters(1).await.len(), 1);
    process.stop().await;
}

/// What not even a dead letter holds would be lost if the broker were told to forget it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_dead_letter_holds_stops_the_source_with_a_cure_or_is_skipped() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = narrow_log(4_096);
    let usual = table(broker.port, 1, "");
    let process = Process::start(&log, &usual).await;
    process.subscribed(1).await;
    let large = "x".repeat(100_000);
    publish(broker.port, texts(TEMPERATURE, 1, ["before", large.as_str(), "after"])).await;
    let status = process
        .status("it stops", |status| {
            matches!(status, danube_wasm_pipeline::Status::Failed(_))
        })
        .await;
    let why = status.reason().expect("a reason");
    assert!(
        why.contains("too large for a dead letter") && why.contains("say on_invalid = \"skip\""),
        "{why}"
    );
    assert_eq!(
        process.sum("danube_wasm_mqtt_connections_total", ""),
        1,
        "it does not connect again and again"
    );
    process.stop().await;
    let skips = usual.replace("qos = 1", "qos = 1, on_invalid = \"skip\"");
    let process = Process::start(&log, &skips).await;
    assert_eq!(texts_once(&log.records(2).await), ["before", "after"]);
    process.stop().await;
}
