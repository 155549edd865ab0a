//! What is acknowledged when, and what comes of it when either side dies.

use danube_wasm_testkit::Cable;

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, Record, new_log, table, texts_once},
};

const TEMPERATURE: &str = "plant/1/temperature";

fn texts_of(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_each_quality_arrive_once_and_in_order() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 2, "")).await;
    process.subscribed(1).await;
    for (qos, range) in [(0, 1..=50), (1, 51..=350), (2, 351..=600)] {
        publish(broker.port, texts(TEMPERATURE, qos, numbers(range.clone()))).await;
        let count = usize::try_from(*range.end()).expect("small");
        let records = log.records(count).await;
        assert_eq!(texts_of(&records), numbers(1..=*range.end()));
        let qos = qos.to_string();
        assert!(records[count - 1].attributes["mqtt.qos"] == qos && records[count - 1].key == TEMPERATURE);
    }
    process.stop().await;
}

/// vectordotdev/vector#21967, danube-connect: acknowledged on receipt, and lost with the process.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_durable_when_the_process_is_killed_comes_again() {
    for (qos, version) in [(1, "5"), (2, "5"), (1, "3.1.1"), (2, "3.1.1")] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(broker.port, qos, &format!("protocol = \"{version}\""));
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        process.shut();
        publish(broker.port, texts(TEMPERATURE, qos, ["one", "two", "three"])).await;
        process.kill().await;
        let process = Process::start(&log, &table).await;
        let records = log.records(3).await;
        assert_eq!(texts_of(&records), ["one", "two", "three"], "QoS {qos}, {version}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", "resumed"), 1);
        process.stop().await;
    }
}

/// Killed while it works, again and again: every reading is one row. Equal readings are rows of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_under_load_makes_one_row_of_each_message() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(broker.port, qos, "");
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        process.kill().await;
        let port = broker.port;
        let readings: Vec<String> = (0..3000).map(|n| format!("{} {}", n / 2, "x".repeat(40))).collect();
        let publishing = tokio::spawn(publish(port, texts(TEMPERATURE, qos, readings.clone())));
        for kill in 1..=6 {
            let process = Process::start(&log, &table).await;
            log.records(kill * 300).await;
            process.kill().await;
        }
        let process = Process::start(&log, &table).await;
        publishing.await.expect("published");
        let records = log.records(readings.len()).await;
        assert_eq!(texts_once(&records), readings, "QoS {qos}");
        process.stop().await;
    }
}

/// vectordotdev/vector PR 25666: who acknowledges through a queue that the same task empties waits for itself once that is full.
#[tokio::test(flavor = "multi_thread")]
async fn more_acknowledgements_at_once_than_any_queue_holds_stop_nothing() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("max_inflight_messages 0").await else {
            return;
        };
        let log = new_log();
        let process = Process::start(&log, &table(broker.port, qos, "receive_maximum = 65535")).await;
        process.subscribed(1).await;
        process.shut();
        let readings = numbers(1..=20_000);
        publish(broker.port, texts(TEMPERATURE, qos, readings.clone())).await;
        process.open();
        let records = log.records(readings.len()).await;
        assert_eq!(texts_once(&records), readings, "QoS {qos}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
        process.stop().await;
    }
}

/// risingwavelabs/risingwave#18963, hivemq/hivemq-mqtt-client#526: acknowledgements of a connection that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_makes_no_second_event_and_blocks_nothing() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let (log, cable) = (new_log(), Cable::to(broker.port).await);
        let process = Process::start(&log, &table(cable.port, qos, "")).await;
        process.subscribed(1).await;
        process.shut();
        publish(broker.port, texts(TEMPERATURE, qos, numbers(1..=30))).await;
        cable.cut().await;
        process.subscribed(2).await;
        process.open();
        publish(broker.port, texts(TEMPERATURE, qos, numbers(31..=60))).await;
        let records = log.records(60).await;
        assert_eq!(texts_once(&records), numbers(1..=60), "QoS {qos}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", "resumed"), 1);
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_under_load_make_one_row_of_each_message() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let (log, cable) = (new_log(), Cable::to(broker.port).await);
        let process = Process::start(&log, &table(cable.port, qos, "")).await;
        process.subscribed(1).await;
        let readings = numbers(1..=3000);
        let publishing = tokio::spawn(publish(broker.port, texts(TEMPERATURE, qos, readings.clone())));
        for cut in 1..=4 {
            log.records(cut * 500).await;
            cable.cut().await;
        }
        publishing.await.expect("published");
        let records = log.records(readings.len()).await;
        assert_eq!(texts_once(&records), readings, "QoS {qos}");
        process.stop().await;
    }
}

/// Mosquitto writes its sessions at intervals; here it has just done so.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_and_has_kept_the_session_delivers_the_rest() {
    let Some(mut broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, "")).await;
    process.subscribed(1).await;
    process.shut();
    publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=40))).await;
    broker.save().await;
    broker.kill_and_restart().await;
    process.subscribed(2).await;
    process.open();
    publish(broker.port, texts(TEMPERATURE, 1, numbers(41..=50))).await;
    let records = log.records(50).await;
    assert_eq!(texts_once(&records), numbers(1..=50));
    assert_eq!(process.sum("danube_wasm_mqtt_sessions_lost_total", ""), 0);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_is_named_and_waited_for() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    broker.freeze();
    let process = Process::start(&log, &table(broker.port, 1, "connect_timeout_ms = 300")).await;
    let status = process.status("it waits", |status| status.reason().is_some()).await;
    assert!(
        status
            .reason()
            .is_some_and(|why| why.contains("has not answered within 300 ms")),
        "{status:?}"
    );
    broker.thaw();
    process.subscribed(1).await;
    publish(broker.port, texts(TEMPERATURE, 1, ["a"])).await;
    assert_eq!(texts_of(&log.records(1).await), ["a"]);
    process.stop().await;
}

/// Equal readings are equal bytes.
#[tokio::test(flavor = "multi_thread")]
async fn an_equal_message_after_an_acknowledged_one_is_another_event_also_over_a_crash() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let log = new_log();
    let table = table(broker.port, 1, "");
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    for count in 1..=3 {
        publish(broker.port, texts(TEMPERATURE, 1, ["20.5"])).await;
        log.records(count).await;
    }
    process.stop().await;
    publish(broker.port, texts(TEMPERATURE, 1, ["20.5", "20.5"])).await;
    let process = Process::start(&log, &table).await;
    assert_eq!(texts_once(&log.records(5).await), ["20.5"; 5]);
    process.stop().await;
}
