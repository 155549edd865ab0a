//! A broker that does not know version 5.

use danube_wasm_connector::Outcome;

use crate::support::{
    aedes::Aedes,
    publisher::{numbers, publish_old, texts},
    source::{MqttProcess as _, Process, new_log, probe, table, texts_once},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_version_5_is_spoken_to_in_3_1_1() {
    let Some(broker) = Aedes::start().await else { return };
    let (log, table) = (new_log(), table(broker.port, 1, ""));
    let findings = probe(&table).await;
    let texts_found = format!("{findings:?}");
    assert!(
        texts_found.contains("version 3.1.1") && findings.iter().all(|one| one.outcome == Outcome::Reached),
        "{texts_found}"
    );
    let process = Process::start(&log, &table).await;
    process.subscribed(1).await;
    assert_eq!(process.sum("danube_wasm_mqtt_connections_total", "3.1.1"), 1);
    publish_old(broker.port, texts("plant/a", 1, numbers(1..=20))).await;
    assert_eq!(texts_once(&log.records(20).await), numbers(1..=20));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_refuses_the_only_version_that_may_be_spoken_is_named() {
    let Some(broker) = Aedes::start().await else { return };
    let findings = probe(&table(broker.port, 1, "protocol = \"5\"")).await;
    assert!(
        matches!(&findings[..], [one] if matches!(&one.outcome, Outcome::Failed(why) if why.contains("`protocol = \"auto\"`"))),
        "{findings:?}"
    );
}
