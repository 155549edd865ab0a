//! `mqtts`.

use std::path::Path;

use danube_wasm_connector::Outcome;
use danube_wasm_test_certs::{Authority, write_pem};

use crate::support::{
    mosquitto::Mosquitto,
    source::{MqttProcess as _, Process, TOPIC, new_log, probe, texts_once},
};

/// An authority, and certificates of it for the broker and for a client.
fn certificates(dir: &Path) {
    let authority = Authority::new();
    write_pem(dir, "ca.pem", &authority.pem());
    for name in ["localhost", "client"] {
        authority.issue(&[name]).write(dir, name);
    }
}

async fn broker(asks_for_a_certificate: bool) -> Option<Mosquitto> {
    Mosquitto::start_with(|dir| {
        certificates(dir);
        let dir = dir.display();
        format!(
            "cafile {dir}/ca.pem\ncertfile {dir}/localhost.pem\nkeyfile {dir}/localhost-key.pem\n\
             require_certificate {asks_for_a_certificate}"
        )
    })
    .await
}

fn table(broker: &Mosquitto, host: &str, tls: &str) -> String {
    format!(
        "url = \"mqtts://{host}:{}\"\nclient_id = \"test-plant\"\n\
         routes = [{{ filter = \"plant/#\", danube_topic = \"{TOPIC}\" }}]\n[sources.mqtt.tls]\n{tls}",
        broker.port
    )
}

fn path(broker: &Mosquitto, key: &str, name: &str) -> String {
    format!("{key} = \"{}\"\n", broker.file(name).display())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_checked_against_the_authority_and_the_name() {
    let Some(broker) = broker(false).await else { return };
    let ca = path(&broker, "ca_file", "ca.pem");
    let findings = probe(&table(&broker, "localhost", &ca)).await;
    assert!(
        findings.iter().all(|one| one.outcome == Outcome::Reached),
        "{findings:?}"
    );
    for (wrong, why) in [
        (table(&broker, "localhost", ""), "certificate"),
        (table(&broker, "127.0.0.1", &ca), "certificate"),
    ] {
        let findings = probe(&wrong).await;
        let texts = format!("{findings:?}");
        assert!(
            matches!(&findings[..], [one] if matches!(one.outcome, Outcome::Failed(_))),
            "{texts}"
        );
        assert!(texts.contains(why) && texts.contains("cannot be reached"), "{texts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_asks_for_a_certificate_is_shown_ours() {
    let Some(broker) = broker(true).await else { return };
    let ca = path(&broker, "ca_file", "ca.pem");
    let without = probe(&table(&broker, "localhost", &ca)).await;
    assert!(
        matches!(&without[..], [one] if matches!(one.outcome, Outcome::Failed(_))),
        "{without:?}"
    );
    let ours = format!(
        "{ca}{}{}",
        path(&broker, "cert_file", "client.pem"),
        path(&broker, "key_file", "client-key.pem")
    );
    let findings = probe(&table(&broker, "localhost", &ours)).await;
    assert!(
        findings.iter().all(|one| one.outcome == Outcome::Reached),
        "{findings:?}"
    );
    let log = new_log();
    let process = Process::start(&log, &table(&broker, "localhost", &ours)).await;
    process.subscribed(1).await;
    crate::support::publisher::publish_over_tls(&broker, "plant/a", "in").await;
    assert_eq!(texts_once(&log.records(1).await), ["in"]);
    process.stop().await;
}
