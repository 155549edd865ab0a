//! What is wrong with a file or a cluster, in the sentence that the user reads.

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_pipeline::Status;
use serde_json::json;

use crate::support::{
    client::{create, produce, run_as},
    server::{Kafka, shared, unique},
    source::{Process, errors, new_log, probe, route, table, table_of, texts_of},
};

/// A listener that wants a password, and users' rights.
const WITH_PASSWORD: &str = "listeners=SASL_PLAINTEXT://127.0.0.1:PORT,CONTROLLER://127.0.0.1:CTRL
advertised.listeners=SASL_PLAINTEXT://127.0.0.1:PORT
listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_PLAINTEXT
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.enabled.mechanisms=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username=\"admin\" password=\"admin\" user_admin=\"admin\" user_danube=\"right\";";

fn failure(findings: &[Finding], words: &str) -> bool {
    findings
        .iter()
        .any(|one| matches!(&one.outcome, Outcome::Failed(why) if why.contains(words)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_missing_rights_are_found_before_and_said_when_it_runs() {
    let Some(kafka) = Kafka::start(WITH_PASSWORD).await else {
        return;
    };
    let (topic, group) = (unique("orders"), unique("group"));
    let admin = json!({"bootstrap.servers": kafka.brokers(), "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": "admin", "sasl.password": "admin"});
    run_as(
        admin,
        vec![
            json!({"op": "create", "topic": topic}),
            json!({"op": "produce", "topic": topic, "value": "a"}),
        ],
    )
    .await;
    let of = |user: &str, password: &str| {
        let sasl = format!("sasl = {{ mechanism = \"PLAIN\", username = \"{user}\", password = \"{password}\" }}");
        table(&kafka.brokers(), &group, &topic, &sasl)
    };
    for (table, words) in [
        (of("danube", "wrong"), "correct `sasl`"),
        (of("danube", "right"), "allow this user READ"),
    ] {
        let findings = probe(&table).await;
        assert!(failure(&findings, words), "{words}: {findings:?}");
        let log = new_log();
        let process = Process::start(&log, &table).await;
        let status = process
            .status("it stops", |status| matches!(status, Status::Failed(_)))
            .await;
        let why = status.reason().expect("a reason");
        assert!(why.contains(words) && why.contains(&kafka.brokers()), "{why}");
        process.stop().await;
    }
    let log = new_log();
    let process = Process::start(&log, &of("admin", "admin")).await;
    assert_eq!(texts_of(&log.records(1).await), ["a"]);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_said_and_waited_for() {
    let Some(kafka) = shared().await else { return };
    let (topic, group) = (unique("orders"), unique("group"));
    let table = table(&kafka.brokers(), &group, &topic, "");
    let findings = probe(&table).await;
    let awaited = |one: &Finding| matches!(&one.outcome, Outcome::Awaited(why) if why.contains("make the topic"));
    assert!(findings.iter().any(awaited), "{findings:?}");
    let log = new_log();
    let process = Process::start(&log, &table).await;
    let status = process.status("it says so", |status| status.reason().is_some()).await;
    assert!(
        status
            .reason()
            .is_some_and(|why| why.contains(&format!("topic `{topic}`"))),
        "{status:?}"
    );
    create(&kafka.brokers(), &topic, 1).await;
    produce(&kafka.brokers(), &topic, ["a"]).await;
    assert_eq!(texts_of(&log.records(1).await), ["a"]);
    assert_eq!(process.now(), Status::Running);
    let findings = probe(&table).await;
    assert!(
        findings.iter().all(|one| one.outcome == Outcome::Reached),
        "{findings:?}"
    );
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_is_named() {
    let port = danube_wasm_testkit::servers::free_port();
    let table = table(&format!("127.0.0.1:{port}"), "group", "orders", "");
    let findings = probe(&table).await;
    assert!(failure(&findings, "127.0.0.1") && findings.len() == 1, "{findings:?}");
    let log = new_log();
    let process = Process::start(&log, &table).await;
    let status = process.status("it says so", |status| status.reason().is_some()).await;
    assert!(
        status
            .reason()
            .is_some_and(|why| why.contains(&format!("Kafka at 127.0.0.1:{port}"))),
        "{status:?}"
    );
    process.stop().await;
}

#[test]
fn mistakes_in_the_table_are_said_with_their_cure() {
    let tls = "this program was built without TLS for Kafka";
    let scram = "this program was built without SCRAM for Kafka";
    let cases = [
        (
            "options = { \"enable.auto.commit\" = true }",
            "offsets are committed when records are durable",
        ),
        (
            "options = { \"auto.offset.reset\" = \"latest\" }",
            "write `start` and `on_out_of_range`",
        ),
        ("options = { \"sasl.password\" = \"x\" }", "write `sasl`"),
        ("options = { \"no.such.thing\" = 1 }", "No such configuration property"),
        (
            "drain_timeout_ms = 45000",
            "`drain_timeout_ms` must be shorter than `session_timeout_ms`",
        ),
        (
            "sasl = { mechanism = \"GSSAPI\", username = \"u\", password = \"p\" }",
            "Kerberos is not spoken",
        ),
        ("tls = {}", if cfg!(feature = "tls") { "" } else { tls }),
        (
            "sasl = { mechanism = \"SCRAM-SHA-512\", username = \"u\", password = \"p\" }",
            if cfg!(feature = "tls") { "" } else { scram },
        ),
    ];
    for (line, words) in cases {
        let found = errors(&table("kafka.example:9092", "group", "orders", line));
        assert!(
            found.contains(words) && found.is_empty() == words.is_empty(),
            "{line}: {found}"
        );
    }
    if !cfg!(feature = "tls") {
        let found = errors(&table("kafka.example:9092", "group", "orders", "tls = {}"));
        assert!(found.contains("kafka-tls"), "{found}");
    }
    for (topic, words) in [
        ("^orders", "write `*` for anything"),
        ("a b", "a topic of Kafka has 1 to 249"),
    ] {
        let found = errors(&table("kafka.example:9092", "group", topic, ""));
        assert!(found.contains(words), "{found}");
    }
    let twice = table_of(
        "kafka.example:9092",
        "group",
        "",
        &format!("{}, {}", route("a", ""), route("a", "")),
    );
    assert!(errors(&twice).contains("two routes have the topic `a`"));
    assert!(errors(&table("kafka://kafka.example:9092", "group", "orders", "")).contains("a broker is `HOST:PORT`"));
}
