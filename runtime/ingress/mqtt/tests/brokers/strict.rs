//! HiveMQ: what Mosquitto forgives, it does not. It gives the lowest packet ids that are free, again and again.

use danube_wasm_testkit::Cable;

use crate::support::{
    hivemq::HiveMq,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, new_log, table, texts_once},
};

const TEMPERATURE: &str = "plant/1/temperature";

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_broker_ends_no_connection_and_both_sides_can_be_killed() {
    let Some(mut broker) = HiveMq::start().await else {
        return;
    };
    for qos in [1, 2] {
        let (log, cable) = (new_log(), Cable::to(broker.port).await);
        let of = |port| table(port, qos, "receive_maximum = 20").replace("test-plant", &format!("plant-{qos}"));
        let process = Process::start(&log, &of(cable.port)).await;
        process.subscribed(1).await;
        publish(broker.port, texts(TEMPERATURE, qos, numbers(1..=500))).await;
        assert_eq!(log.records(500).await.len(), 500, "nothing came twice");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
        // With messages in our hands the connection is cut, we are killed, and the broker is.
        process.shut();
        publish(broker.port, texts(TEMPERATURE, qos, numbers(501..=540))).await;
        cable.cut().await;
        process.subscribed(2).await;
        process.kill().await;
        broker.kill_and_restart().await;
        let process = Process::start(&log, &of(broker.port)).await;
        process.subscribed(1).await;
        publish(broker.port, texts(TEMPERATURE, qos, numbers(541..=600))).await;
        assert_eq!(texts_once(&log.records(600).await), numbers(1..=600), "QoS {qos}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", "resumed"), 1);
        assert_eq!(process.sum("danube_wasm_mqtt_sessions_lost_total", ""), 0);
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_one_client_id_are_told_what_to_do() {
    let Some(broker) = HiveMq::start().await else { return };
    let (log, other_log) = (new_log(), new_log());
    let table = table(broker.port, 1, "");
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    let other = Process::start(&other_log, &table).await;
    let status = process.status("it is told", |status| status.reason().is_some()).await;
    let why = status.reason().expect("a reason");
    assert!(
        why.contains("another client with the id `test-plant`") && why.contains("a `client_id` of its own"),
        "{why}"
    );
    other.kill().await;
    process.kill().await;
}

/// Readings of a switch that never changes, under one packet id after the other.
#[tokio::test(flavor = "multi_thread")]
async fn equal_messages_under_packet_ids_that_are_used_again_are_events_of_their_own() {
    let Some(broker) = HiveMq::start().await else { return };
    let (log, cable) = (new_log(), Cable::to(broker.port).await);
    let process = Process::start(&log, &table(cable.port, 1, "")).await;
    process.subscribed(1).await;
    let mut published = 0;
    for connection in 1..=5 {
        publish(broker.port, texts(TEMPERATURE, 1, ["on"; 40])).await;
        published += 40;
        log.records(published).await;
        cable.cut().await;
        process.subscribed(connection + 1).await;
    }
    publish(broker.port, texts(TEMPERATURE, 1, ["off"])).await;
    let records = log.records(published + 1).await;
    assert_eq!(texts_once(&records).len(), published + 1);
    process.stop().await;
}
