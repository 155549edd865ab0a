//! TLS, certificates and passwords, of a program that has them.

use std::path::{Path, PathBuf};

use danube_wasm_connector::Outcome;
use danube_wasm_test_certs::{Authority, write_pem};
use danube_wasm_testkit::servers;
use serde_json::json;

use crate::support::{
    client::run_as,
    server::{Kafka, unique},
    source::{Process, new_log, probe, table, texts_of},
};

/// A listener with TLS that wants a password, and one that wants a certificate instead.
const LINES: &str = "listeners=SASL_SSL://127.0.0.1:PORT,MUTUAL://127.0.0.1:OTHER,CONTROLLER://127.0.0.1:CTRL
advertised.listeners=SASL_SSL://localhost:PORT,MUTUAL://localhost:OTHER
listener.security.protocol.map=SASL_SSL:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"danube\" password=\"right\";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_danube=\"right\";
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location=DIR/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=DIR/ca.pem";

/// The user of both kinds of SCRAM.
const SCRAM: [&str; 4] = [
    "--add-scram",
    "SCRAM-SHA-512=[name=danube,password=right]",
    "--add-scram",
    "SCRAM-SHA-256=[name=danube,password=right]",
];

/// A broker with certificates for `localhost`, and a topic that has one record.
struct Secured {
    kafka: std::sync::Arc<Kafka>,
    /// Port of the listener that wants a certificate.
    mutual: u16,
    topic: String,
}

/// An authority and its certificates for the broker and for a client, and what another one gave a client.
fn certificates(dir: &Path) {
    let authority = Authority::new();
    write_pem(dir, "ca.pem", &authority.pem());
    let identity = authority.issue(&["localhost"]);
    write_pem(dir, "broker.pem", &format!("{}{}", identity.key, identity.cert));
    let other = Authority::new();
    write_pem(dir, "other-ca.pem", &other.pem());
    for (name, by) in [("client", &authority), ("stranger", &other)] {
        let identity = by.issue(&["danube"]);
        write_pem(dir, &format!("{name}.pem"), &identity.cert);
        write_pem(dir, &format!("{name}-key.pem"), &identity.key);
    }
}

impl Secured {
    async fn start() -> Option<Self> {
        let mutual = servers::free_port();
        let lines = LINES.replace("OTHER", &mutual.to_string());
        let kafka = Kafka::start_with(&lines, &SCRAM, certificates).await?;
        let secured = Self {
            kafka,
            mutual,
            topic: unique("orders"),
        };
        let client = json!({"bootstrap.servers": secured.brokers(), "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "danube", "sasl.password": "right",
            "ssl.ca.location": secured.file("ca.pem")});
        let topic = &secured.topic;
        let steps = vec![
            json!({"op": "create", "topic": topic}),
            json!({"op": "produce", "topic": topic, "value": "a"}),
        ];
        run_as(client, steps).await;
        Some(secured)
    }

    fn brokers(&self) -> String {
        self.kafka.brokers().replace("127.0.0.1", "localhost")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.kafka.file(name)
    }

    /// `tls` that trusts this file, with these keys beside it.
    fn tls(&self, ca: &str, more: &str) -> String {
        format!("tls = {{ ca_path = \"{}\"{more} }}", self.file(ca).display())
    }

    fn table(&self, brokers: &str, security: &str) -> String {
        table(brokers, &unique("group"), &self.topic, security)
    }

    /// The check finds everything, and the record is read.
    async fn reads(&self, table: &str) {
        let findings = probe(table).await;
        assert!(
            findings.iter().all(|one| one.outcome == Outcome::Reached),
            "{table}: {findings:?}"
        );
        let log = new_log();
        let process = Process::start(&log, table).await;
        assert_eq!(texts_of(&log.records(1).await), ["a"], "{table}");
        process.stop().await;
    }

    /// The check finds one thing, the cluster, and says this of it.
    async fn refuses(&self, table: &str, words: &str) {
        let findings = probe(table).await;
        assert!(
            matches!(&findings[..], [one] if matches!(&one.outcome, Outcome::Failed(why) if why.contains(words))),
            "{words}: {table}: {findings:?}"
        );
    }
}

fn sasl(mechanism: &str, password: &str) -> String {
    format!("sasl = {{ mechanism = \"{mechanism}\", username = \"danube\", password = \"{password}\" }}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_over_tls_to_whom_has_the_password() {
    let Some(secured) = Secured::start().await else { return };
    let (brokers, trusted) = (secured.brokers(), secured.tls("ca.pem", ""));
    for mechanism in ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] {
        let of = |password| secured.table(&brokers, &(sasl(mechanism, password) + &trusted));
        secured.reads(&of("right")).await;
        secured.refuses(&of("wrong"), "correct `sasl`").await;
    }
    let right = sasl("SCRAM-SHA-512", "right");
    let strange = secured.table(&brokers, &(right.clone() + &secured.tls("other-ca.pem", "")));
    secured.refuses(&strange, "correct `tls`").await;
    let untold = secured.table(&brokers, &format!("{right}tls = {{}}"));
    secured.refuses(&untold, "correct `tls`").await;
    // The certificate is made for `localhost` only.
    let by_address = secured.table(&secured.kafka.brokers(), &(right.clone() + &trusted));
    secured.refuses(&by_address, "correct `tls`").await;
    let log = new_log();
    let process = Process::start(&log, &strange).await;
    assert!(process.failed().await.contains("correct `tls`"));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_wants_a_certificate_gets_ours() {
    let Some(secured) = Secured::start().await else { return };
    let brokers = format!("localhost:{}", secured.mutual);
    let identity = |name: &str| {
        let (cert, key) = (
            secured.file(&format!("{name}.pem")),
            secured.file(&format!("{name}-key.pem")),
        );
        let more = format!(", cert_path = \"{}\", key_path = \"{}\"", cert.display(), key.display());
        secured.table(&brokers, &secured.tls("ca.pem", &more))
    };
    secured.reads(&identity("client")).await;
    secured.refuses(&identity("stranger"), "").await;
    secured
        .refuses(&secured.table(&brokers, &secured.tls("ca.pem", "")), "")
        .await;
}
