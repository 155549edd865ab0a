//! TLS and SCRAM, of a program that has them.

use std::path::Path;

use danube_wasm_connector::Outcome;
use danube_wasm_test_certs::{Authority, write_pem};
use serde_json::json;

use crate::support::{
    client::run_as,
    server::{Kafka, unique},
    source::{Process, new_log, probe, table, texts_of},
};

/// A listener with TLS that wants a password, which it never sees.
const LINES: &str = "listeners=SASL_SSL://127.0.0.1:PORT,CONTROLLER://127.0.0.1:CTRL
advertised.listeners=SASL_SSL://localhost:PORT
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"danube\" password=\"right\";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=DIR/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=DIR/ca.pem";

/// An authority, and a certificate of it for the broker.
fn certificates(dir: &Path) {
    let authority = Authority::new();
    write_pem(dir, "ca.pem", &authority.pem());
    let identity = authority.issue(&["localhost"]);
    write_pem(dir, "broker.pem", &format!("{}{}", identity.key, identity.cert));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_over_tls_to_whom_has_the_password() {
    let scram = [
        "--add-scram",
        "SCRAM-SHA-512=[name=danube,password=right]",
        "--add-scram",
        "SCRAM-SHA-256=[name=danube,password=right]",
    ];
    let Some(kafka) = Kafka::start_with(LINES, &scram, certificates).await else {
        return;
    };
    let brokers = kafka.brokers().replace("127.0.0.1", "localhost");
    let ca = kafka.file("ca.pem").display().to_string();
    let topic = unique("orders");
    let client = json!({"bootstrap.servers": brokers, "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "danube", "sasl.password": "right", "ssl.ca.location": ca});
    run_as(
        client,
        vec![
            json!({"op": "create", "topic": topic}),
            json!({"op": "produce", "topic": topic, "value": "a"}),
        ],
    )
    .await;
    let of = |mechanism: &str, password: &str, tls: &str| {
        let sasl = format!(
            "sasl = {{ mechanism = \"{mechanism}\", username = \"danube\", password = \"{password}\" }}\ntls = {tls}"
        );
        table(&brokers, &unique("group"), &topic, &sasl)
    };
    let trusted = format!("{{ ca_path = \"{ca}\" }}");
    for mechanism in ["SCRAM-SHA-512", "SCRAM-SHA-256"] {
        let right = of(mechanism, "right", &trusted);
        let findings = probe(&right).await;
        assert!(
            findings.iter().all(|one| one.outcome == Outcome::Reached),
            "{findings:?}"
        );
        let log = new_log();
        let process = Process::start(&log, &right).await;
        assert_eq!(texts_of(&log.records(1).await), ["a"], "{mechanism}");
        process.stop().await;
    }
    for (wrong, words) in [
        (of("SCRAM-SHA-512", "wrong", &trusted), "correct `sasl`"),
        (of("SCRAM-SHA-512", "right", "{}"), "correct `tls`"),
    ] {
        let findings = probe(&wrong).await;
        assert!(
            matches!(&findings[..], [one] if matches!(&one.outcome, Outcome::Failed(why) if why.contains(words))),
            "{words}: {findings:?}"
        );
    }
}
