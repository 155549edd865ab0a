//! What the broker refuses, in the sentence that the user reads.

use danube_wasm_connector::Outcome;
use danube_wasm_pipeline::Status;
use danube_wasm_testkit::servers;

use crate::support::{
    mosquitto::Mosquitto,
    source::{MqttProcess as _, Process, new_log, probe, table},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_is_no_broker_is_named_with_a_cure() {
    let nobody = servers::free_port();
    let failed = |findings: Vec<danube_wasm_connector::Finding>| match &findings[..] {
        [one] => match &one.outcome {
            Outcome::Failed(why) => why.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let why = failed(probe(&table(nobody, 1, "")).await);
    assert!(
        why.contains(&format!("mqtt://127.0.0.1:{nobody} cannot be reached")),
        "{why}"
    );
    let web = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = web.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = web.accept().await {
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut socket, answer)
                .await
                .expect("sent");
        }
    });
    let why = failed(probe(&table(port, 1, "")).await);
    assert!(
        why.contains("is not MQTT") && why.contains("check that this is an MQTT port"),
        "{why}"
    );
}

/// A broker that is away at the start is waited for: lensesio/stream-reactor#832.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_waited_for() {
    let Some(mut broker) = Mosquitto::start("").await else {
        return;
    };
    broker.kill();
    let log = new_log();
    let process = Process::start(&log, &table(broker.port, 1, "")).await;
    let status = process.status("it waits", |status| status.reason().is_some()).await;
    assert!(matches!(status, Status::Degraded(_)), "{status:?}");
    broker.restart().await;
    process.subscribed(1).await;
    process.status("it runs", |status| *status == Status::Running).await;
    process.stop().await;
}
