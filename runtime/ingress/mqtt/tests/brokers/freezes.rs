//! Peers that stop without a word: a broker, the network, and ourselves.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use danube_wasm_testkit::{Cable, Passes, servers::Server, until};

use crate::support::{
    mosquitto::Mosquitto,
    publisher::{numbers, publish, texts},
    source::{MqttProcess as _, Process, log_at, new_log, table, texts_once},
};

const TEMPERATURE: &str = "plant/1/temperature";
/// Where the source in a process of its own has its log, and its table.
const DIRECTORY: &str = "TEST_MQTT_DIRECTORY";
const TABLE: &str = "TEST_MQTT_TABLE";
/// How many messages it waits for.
const MESSAGES: u32 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_freezes_in_the_middle_is_noticed_said_and_connected_to_again() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let table = table(broker.port, qos, "keep_alive_secs = 4\nconnect_timeout_ms = 1000");
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        // Some in our hands when it freezes.
        process.shut();
        publish(broker.port, texts(TEMPERATURE, qos, numbers(1..=30))).await;
        broker.freeze();
        process.open();
        let why = process.waits().await;
        assert!(why.contains("has not answered a ping in time"), "QoS {qos}: {why}");
        broker.thaw();
        process.subscribed(2).await;
        publish(broker.port, texts(TEMPERATURE, qos, numbers(31..=60))).await;
        assert_eq!(texts_once(&log.records(60).await), numbers(1..=60), "QoS {qos}");
        assert_eq!(process.sum("danube_wasm_mqtt_sessions_lost_total", ""), 0);
        process.stop().await;
    }
}

/// A firewall that has forgotten the connection: nothing is refused, nothing comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_is_noticed_and_loses_nothing() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let (log, cable) = (new_log(), Cable::to(broker.port).await);
        let table = table(cable.port, qos, "keep_alive_secs = 4\nconnect_timeout_ms = 1000");
        let process = Process::start(&log, &table).await;
        process.subscribed(1).await;
        process.shut();
        publish(broker.port, texts(TEMPERATURE, qos, numbers(1..=30))).await;
        cable.let_through(Passes::Nothing);
        // Their acknowledgements are swallowed.
        process.open();
        let why = process.waits().await;
        assert!(why.contains("has not answered a ping in time"), "QoS {qos}: {why}");
        let is_next = |status: &danube_wasm_pipeline::Status| {
            status
                .reason()
                .is_some_and(|why| why.contains("has not answered within 1000 ms"))
        };
        process.status("the next connection is swallowed, too", is_next).await;
        publish(broker.port, texts(TEMPERATURE, qos, numbers(31..=60))).await;
        cable.let_through(Passes::Everything);
        process.subscribed(2).await;
        assert_eq!(texts_once(&log.records(60).await), numbers(1..=60), "QoS {qos}");
        process.stop().await;
    }
}

/// lensesio/stream-reactor#832: a broker that was killed for its memory came back, let the client in, and never answered its subscription:
/// nothing for 20 minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_never_answered_is_given_up_and_made_again() {
    let Some(broker) = Mosquitto::start("").await else {
        return;
    };
    let (log, cable) = (new_log(), Cable::to(broker.port).await);
    cable.let_through(Passes::FirstWrite);
    let process = Process::start(&log, &table(cable.port, 1, "keep_alive_secs = 2")).await;
    let why = process.waits().await;
    assert!(
        why.contains("ended before the subscriptions were made") && why.contains("has not answered a ping in time"),
        "{why}"
    );
    cable.let_through(Passes::Everything);
    process.subscribed(1).await;
    publish(broker.port, texts(TEMPERATURE, 1, ["in"])).await;
    assert_eq!(texts_once(&log.records(1).await), ["in"]);
    process.stop().await;
}

/// HSLdevcom/mqtt-pulsar-gateway PR 64: while the target was away the client was ended by force, and what was queued in it lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_away_for_longer_than_the_keep_alive_costs_no_connection_and_no_message() {
    for version in ["5", "3.1.1"] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let log = new_log();
        let more = format!("protocol = \"{version}\"\nkeep_alive_secs = 4\nreceive_maximum = 10");
        let process = Process::start(&log, &table(broker.port, 1, &more)).await;
        process.subscribed(1).await;
        process.shut();
        publish(broker.port, texts(TEMPERATURE, 1, numbers(1..=200))).await;
        let pings = broker.log().matches("Received PINGREQ from test-plant").count();
        // Three of them are longer than the broker would wait without one.
        broker.logs(pings + 4, "Received PINGREQ from test-plant").await;
        process.open();
        assert_eq!(texts_once(&log.records(200).await), numbers(1..=200), "{version}");
        assert_eq!(process.sum("danube_wasm_mqtt_connections_total", ""), 1);
        process.stop().await;
    }
}

/// A machine that is suspended, a container that is paused: the broker has given us up when we go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_frozen_past_the_keep_alive_loses_no_message_and_makes_none_twice() {
    for qos in [1, 2] {
        let Some(broker) = Mosquitto::start("").await else {
            return;
        };
        let dir = tempfile::tempdir().expect("a directory");
        let table = table(broker.port, qos, "keep_alive_secs = 2");
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command
            .args(["freezes::source", "--exact", "--ignored", "--nocapture"])
            .env(DIRECTORY, dir.path())
            .env(TABLE, table)
            .stdout(Stdio::null());
        let mut source = Server::start(&mut command);
        broker.logs(1, "Sending SUBACK to test-plant").await;
        let readings = numbers(1..=MESSAGES);
        let (first, rest) = readings.split_at(readings.len() / 2);
        let publishing = tokio::spawn(publish(broker.port, texts(TEMPERATURE, qos, first)));
        let acknowledgement = if qos == 1 { "PUBACK" } else { "PUBREC" };
        broker
            .logs(50, &format!("Received {acknowledgement} from test-plant"))
            .await;
        signal(&source, "STOP");
        publishing.await.expect("published");
        publish(broker.port, texts(TEMPERATURE, qos, rest)).await;
        broker.logs(1, "Client test-plant has exceeded timeout").await;
        signal(&source, "CONT");
        until("it has everything", || (!source.is_running()).then_some(())).await;
        assert_eq!(
            std::fs::read_to_string(dir.path().join("verdict")).expect("its verdict"),
            "as it should be"
        );
    }
}

fn signal(server: &Server, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), server.id().to_string()])
        .status();
    assert!(status.expect("kill").success());
}

/// The source of the test before.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of another test, which starts it as a process"]
async fn source() {
    let dir = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by its test"));
    let log = log_at(&dir);
    let process = Process::start(&log, &std::env::var(TABLE).expect("started by its test")).await;
    let records = log.records(MESSAGES as usize).await;
    let (found, connections) = (
        texts_once(&records),
        process.sum("danube_wasm_mqtt_connections_total", "resumed"),
    );
    let verdict = match found == numbers(1..=MESSAGES) && connections == 1 {
        true => "as it should be".to_owned(),
        false => format!("{connections} connections resumed, {found:?}"),
    };
    process.stop().await;
    std::fs::write(dir.join("verdict"), verdict).expect("the verdict");
}
