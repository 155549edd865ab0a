//! The session that the broker keeps.

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, TOPIC, new_log, table, texts_once},
};
use serde_json::json;

const TEMPERATURE: &str = "plant/1/temperature";

/// influxdata/telegraf#797, confluentinc/demo-scene#204: another client id at each start, so that nothing was resumed.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_this_side_is_away_is_there_when_it_is_back() {
    for version in ["auto", "3.1.1"] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(broker.port, 1, &format!("protocol = \"{version}\""));
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        process.stop().await;
        publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=500))).await;
        let process = Process::start(&log, &table).await;
        assert_eq!(texts_once(&log.records(500).await), numbers(1..=500), "{version}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", "resumed"), 1);
        process.stop().await;
    }
}

/// lensesio/stream-reactor#419: no subscription after a reconnect.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_broker_has_lost_is_said_counted_and_made_anew() {
    let Some(mut broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, "")).await;
    process.subscribed(1).await;
    assert_eq!(
        process.sum("danube_wasm_mqtt_sessions_lost_total", ""),
        0,
        "there was none before"
    );
    // It has written nothing since it started.
    broker.kill_and_restart().await;
    process.subscribed(2).await;
    assert_eq!(process.sum("danube_wasm_mqtt_sessions_lost_total", ""), 1);
    publish(broker.port, texts(TEMPERATURE, 1, ["after"])).await;
    assert_eq!(texts_once(&log.records(1).await), ["after"]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_said_also_when_both_sides_were_down() {
    let Some(mut broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let table = table(broker.port, 1, "");
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    process.kill().await;
    broker.kill_and_restart().await;
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    assert_eq!(process.sum("danube_wasm_mqtt_sessions_lost_total", ""), 1);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_one_client_id_are_told_apart() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let (log, other_log) = (new_log(), new_log());
    let table = table(broker.port, 1, "");
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    let other = Process::start(&other_log, &table).await;
    let status = process.status("it is told", |status| status.reason().is_some()).await;
    let why = status.reason().expect("a reason");
    // Mosquitto 2.0.11 says nothing when it closes the connection of before; HiveMQ does (`strict.rs`).
    assert!(why.contains("another client of the same id has connected"), "{why}");
    other.kill().await;
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_is_one_event_however_often_we_come_back() {
    for version in ["5", "3.1.1"] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(broker.port, 1, &format!("protocol = \"{version}\""));
        publish(
            broker.port,
            vec![json!({"topic": "plant/state", "payload": "on", "retain": true})],
        )
        .await;
        for round in 1..=3 {
            let process = Process::start(&log, &table).await;
            process.subscribed(1).await;
            publish(broker.port, texts(TEMPERATURE, 1, [format!("live {round}")])).await;
            log.records(1 + round).await;
            if round == 2 {
                process.kill().await;
            } else {
                process.stop().await;
            }
        }
        let records = log.records(4).await;
        assert_eq!(texts_once(&records), ["on", "live 1", "live 2", "live 3"], "{version}");
        assert_eq!(records[0].attributes["mqtt.retain"], "true");
        assert_eq!(records[1].attributes["mqtt.retain"], "false");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_taken_out_of_the_file_is_subscribed_to_no_more() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let table_of = |filter: &str| table(broker.port, 1, "").replace("plant/#", filter);
    let process = Process::start(&log, &table_of("old/#")).await;
    process.subscribed(1).await;
    process.stop().await;
    let process = Process::start(&log, &table_of("new/#")).await;
    process.subscribed(1).await;
    publish(broker.port, texts("old/a", 1, ["old"])).await;
    publish(broker.port, texts("new/a", 1, ["new"])).await;
    assert_eq!(texts_once(&log.records(1).await), ["new"], "{TOPIC}");
    assert_eq!(process.sum("danube_wasm_mqtt_messages_left_out_total", ""), 0);
    process.stop().await;
}
