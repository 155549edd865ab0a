//! Messages that are too large, and brokers that send too many.

use danube_wasm_testkit::Cable;
use serde_json::json;

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, narrow_log, new_log, table, texts_once},
};

const TEMPERATURE: &str = "plant/1/temperature";

/// bytebeamio/rumqtt#924: a large message ended the connection, came again, and ended the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_a_dead_letter_with_topic_size_and_position_and_never_comes_again() {
    for qos in [0, 1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(broker.port, qos, "protocol = \"3.1.1\"\nmax_packet_bytes = 1000");
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        let large = "x".repeat(100_000);
        publish(
            broker.port,
            texts(TEMPERATURE, qos, ["before", large.as_str(), "after"]),
        )
        .await;
        assert_eq!(texts_once(&log.records(2).await), ["before", "after"], "QoS {qos}");
        let letter = log.dead_letters(1).await.remove(0);
        let size = large.len() + TEMPERATURE.len() + 6 + if qos == 0 { 0 } else { 2 };
        assert_eq!(
            (letter.text.as_str(), letter.key.as_str()),
            ("", TEMPERATURE),
            "nothing of it is kept"
        );
        for (name, value) in [
            ("mqtt.topic", TEMPERATURE.to_owned()),
            ("mqtt.packet-bytes", size.to_string()),
            ("mqtt.position", "2".to_owned()),
            ("mqtt.qos", qos.to_string()),
            ("dlq.reason", "refused".to_owned()),
            ("dlq.without-payload", "true".to_owned()),
        ] {
            assert_eq!(letter.attribute(name), value, "{name}: {letter:?}");
        }
        let why = letter.attribute("dlq.message");
        assert!(
            why.contains(&format!("{size} bytes of topic `{TEMPERATURE}`")) && why.contains("`max_packet_bytes`"),
            "{why}"
        );
        assert_eq!(process.sum("danube_wasm_mqtt_messages_left_out_total", "unfit"), 1);
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
        process.stop().await;
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        publish(broker.port, texts(TEMPERATURE, qos, ["later"])).await;
        log.records(3).await;
        let again = process.sum("danube_wasm_mqtt_messages_left_out_total", "");
        assert_eq!(again, 0, "it was acknowledged");
        process.stop().await;
    }
}

/// A broker of version 5 is told the limit, and keeps to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_version_5_does_not_send_what_is_too_large() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, "max_packet_bytes = 1000")).await;
    process.subscribed(1).await;
    let large = "x".repeat(100_000);
    publish(broker.port, texts(TEMPERATURE, 1, ["before", large.as_str(), "after"])).await;
    assert_eq!(texts_once(&log.records(2).await), ["before", "after"]);
    assert_eq!(process.sum("danube_wasm_mqtt_messages_left_out_total", ""), 0);
    assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
    process.stop().await;
}

/// Killed before its dead letter is durable, it is the same one after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_one_dead_letter_also_when_the_connection_is_cut() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let (log, cable) = (new_log(), Cable::to(broker.port).await);
    let table = table(cable.port, 1, "protocol = \"3.1.1\"\nmax_packet_bytes = 1000");
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    // What is in front of it is not done, so it is not acknowledged.
    process.shut();
    let large = "x".repeat(5_000);
    publish(broker.port, texts(TEMPERATURE, 1, ["before", large.as_str()])).await;
    log.dead_letters(1).await;
    cable.cut().await;
    process.subscribed(2).await;
    let letters = log.dead_letters(2).await;
    assert_eq!(letters[0].id, letters[1].id, "it meets its own letter");
    process.kill().await;
    let process = Process::start(&log, &table).await;
    assert_eq!(texts_once(&log.records(1).await), ["before"]);
    let letters = log.dead_letters(3).await;
    assert!(letters.iter().all(|letter| letter.id == letters[0].id), "{letters:?}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_skipped_if_it_is_to_be() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let table = table(broker.port, 1, "protocol = \"3.1.1\"\nmax_packet_bytes = 1000");
    let process = Process::start(&log, &table.replace("qos = 1", "qos = 1, on_invalid = \"skip\"")).await;
    process.subscribed(1).await;
    let large = "x".repeat(5_000);
    publish(broker.port, texts(TEMPERATURE, 1, ["before", large.as_str(), "after"])).await;
    assert_eq!(texts_once(&log.records(2).await), ["before", "after"]);
    assert_eq!(process.sum("danube_wasm_dead_letters_total", ""), 0);
    assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
    process.stop().await;
}

/// bytebeamio/rumqtt#170: of what waits for a slow client, a broker drops what its queue does not hold, without a word. What it kept comes,
/// and so does what follows.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_brokers_queue_does_not_hold_is_missing_and_the_stream_goes_on_in_order() {
    let Some(broker) = Mosquitto::start("max_queued_messages 50\nmax_inflight_messages 5").await else {
        return;
    };
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, "receive_maximum = 5")).await;
    process.subscribed(1).await;
    process.shut();
    publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=500))).await;
    process.open();
    // There is room in its queue again.
    log.records(50).await;
    publish(broker.port, texts(TEMPERATURE, 1, ["501"])).await;
    let last = |records: &[danube_wasm_source_harness::Record]| records.iter().any(|record| record.text == "501");
    let records = log.until("what follows is there", last).await;
    let found = texts_once(&records);
    let in_order: Vec<u32> = found.iter().map(|text| text.parse().expect("a number")).collect();
    assert!(
        in_order.is_sorted() && in_order.starts_with(&[1, 2, 3, 4, 5]),
        "{found:?}"
    );
    assert!(found.len() < 500, "the broker has dropped some: {}", found.len());
    assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
    process.stop().await;
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
