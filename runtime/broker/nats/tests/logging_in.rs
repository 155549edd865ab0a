//! TLS, users, tokens and limits of accounts: what is right lets in, what is wrong is one sentence with its cure.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

mod support;

use std::time::Duration;

use danube_wasm_broker::{Broker as _, ErrorKind, TopicSpec};
use danube_wasm_broker_nats::{Auth, NatsOptions, Secret, Tls};
use danube_wasm_test_certs::FileAuthority;
use support::{One, ack, create, one, open, options, publish, record, subscribe, topic, within};

/// What `check --connect` says.
async fn refusal(options: NatsOptions) -> String {
    let refused = within(open(options).probe()).await.expect_err("is refused");
    println!("{}", refused.message);
    assert!(!refused.message.contains('\n'), "one sentence: {}", refused.message);
    refused.message
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
}

fn over_tls(one: &One, tls: Option<Tls>) -> NatsOptions {
    let mut options = options(&one.server);
    options.servers = vec![format!("tls://localhost:{}", one.server.port)];
    options.tls = tls;
    options
}

/// Lines of a server's configuration that shows a certificate for this name.
fn shown_by(authority: &FileAuthority, name: &str, expired: bool, more: &str) -> String {
    let (cert, key) = match expired {
        true => authority.write(&authority.issue_expired(&[name]), name),
        false => authority.issue_files(name),
    };
    format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", timeout: 5, {more} }}",
        cert.display(),
        key.display()
    )
}

fn trusting(authority: &FileAuthority) -> Option<Tls> {
    Some(Tls {
        ca_file: Some(authority.ca_file()),
        identity: None,
    })
}

#[tokio::test]
async fn a_server_is_spoken_to_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let authority = FileAuthority::new(directory.path(), "ours");
    let Some(one) = one(&shown_by(&authority, "localhost", false, "")) else {
        return;
    };
    for scheme in ["tls", "nats"] {
        let mut options = over_tls(&one, trusting(&authority));
        // A server that asks for TLS gets it whatever the URL says.
        options.servers = vec![format!("{scheme}://localhost:{}", one.server.port)];
        let nats = open(options);
        within(nats.probe()).await.unwrap();
        create(&nats, &topic("t")).await;
        let publisher = nats.publisher("p").await.unwrap();
        publish(&*publisher, vec![vec![record(&topic("t"), None, scheme)]])
            .await
            .remove(0)
            .unwrap();
        let mut consumer = subscribe(&nats, &topic("t"), danube_wasm_model::SubscriptionType::Shared).await;
        let messages = within(consumer.receive(10)).await.unwrap();
        assert_eq!(support::text(&messages[0]), scheme);
        ack(&*consumer, &messages).await;
        nats.close().await.unwrap();
    }
}

#[tokio::test]
async fn certificates_that_are_not_to_be_believed_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (
        FileAuthority::new(directory.path(), "ours"),
        FileAuthority::new(directory.path(), "other"),
    );
    let Some(good) = one(&shown_by(&ours, "localhost", false, "")) else {
        return;
    };
    says(
        &refusal(over_tls(&good, trusting(&other))).await,
        &["TLS with NATS", "invalid peer certificate", "`ca_file`"],
    );
    says(
        &refusal(over_tls(&good, None)).await,
        &["TLS with NATS", "UnknownIssuer", "`ca_file`"],
    );
    let Some(elsewhere) = one(&shown_by(&ours, "elsewhere.example", false, "")) else {
        return;
    };
    says(
        &refusal(over_tls(&elsewhere, trusting(&ours))).await,
        &["TLS with NATS", "not valid for name \"localhost\"", "address"],
    );
    let Some(expired) = one(&shown_by(&ours, "localhost", true, "")) else {
        return;
    };
    says(
        &refusal(over_tls(&expired, trusting(&ours))).await,
        &["TLS with NATS", "expired", "renew"],
    );
    let plain = one("").unwrap();
    says(&refusal(over_tls(&plain, trusting(&ours))).await, &["TLS", "nats://"]);
}

#[tokio::test]
async fn files_that_hold_no_certificates_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let ours = FileAuthority::new(directory.path(), "ours");
    let Some(one) = one(&shown_by(&ours, "localhost", false, "")) else {
        return;
    };
    let missing = directory.path().join("missing.pem");
    let with = |ca_file: std::path::PathBuf, identity| {
        Some(Tls {
            ca_file: Some(ca_file),
            identity,
        })
    };
    says(
        &refusal(over_tls(&one, with(missing.clone(), None))).await,
        &["missing.pem", "cannot be read"],
    );
    std::fs::write(&missing, "nothing").unwrap();
    says(
        &refusal(over_tls(&one, with(missing, None))).await,
        &["missing.pem", "holds no PEM certificate"],
    );
    let (cert, key) = (ours.issue_files("a"), ours.issue_files("b"));
    says(
        &refusal(over_tls(&one, with(ours.ca_file(), Some((cert.0, key.1))))).await,
        &["a.pem", "b-key.pem", "do not belong together"],
    );
}

#[tokio::test]
async fn a_server_that_asks_for_certificates_gets_them() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, other) = (
        FileAuthority::new(directory.path(), "ours"),
        FileAuthority::new(directory.path(), "other"),
    );
    let verify = format!("ca_file: \"{}\", verify: true", ours.ca_file().display());
    let Some(one) = one(&shown_by(&ours, "localhost", false, &verify)) else {
        return;
    };
    let with = |identity| {
        Some(Tls {
            ca_file: Some(ours.ca_file()),
            identity,
        })
    };
    within(open(over_tls(&one, with(Some(ours.issue_files("pipeline"))))).probe())
        .await
        .unwrap();
    says(&refusal(over_tls(&one, with(None))).await, &["TLS", "`cert_file`"]);
    let strange = other.issue_files("pipeline");
    says(
        &refusal(over_tls(&one, with(Some(strange)))).await,
        &["TLS", "`cert_file`"],
    );
}

#[tokio::test]
async fn a_token_lets_in_and_a_wrong_one_is_told() {
    let Some(one) = one("authorization { token: right }") else {
        return;
    };
    let mut options = options(&one.server);
    says(
        &refusal(options.clone()).await,
        &["does not accept this user", "`token`"],
    );
    options.auth = Auth::Token(Secret::new("wrong"));
    says(
        &refusal(options.clone()).await,
        &["does not accept this user", "`token`"],
    );
    options.auth = Auth::Token(Secret::new("right"));
    within(open(options).probe()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_changed_is_told_and_the_client_goes_on_when_it_is_right_again() {
    let Some(mut one) = one("authorization { user: u, password: right }") else {
        return;
    };
    let mut options = options(&one.server);
    options.auth = Auth::Password {
        user: "u".into(),
        password: Secret::new("right"),
    };
    (options.publish_timeout, options.request_timeout) = (Duration::from_secs(2), Duration::from_secs(2));
    let nats = open(options);
    create(&nats, &topic("t")).await;
    let publisher = nats.publisher("p").await.unwrap();
    let one_record = || vec![vec![record(&topic("t"), None, "x")]];
    publish(&*publisher, one_record()).await.remove(0).unwrap();
    one.server.kill();
    one.server.configure("password: right", "password: other");
    one.server.run();
    let refused = publish(&*publisher, one_record())
        .await
        .remove(0)
        .expect_err("is not let in");
    println!("{refused}");
    // Nothing of a record is thrown away for it.
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    says(&refused.message, &["does not accept this user", "credentials"]);
    one.server.kill();
    one.server.configure("password: other", "password: right");
    one.server.run();
    within(async { while publish(&*publisher, one_record()).await.remove(0).is_err() {} }).await;
}

/// An account with these limits.
fn limited(limits: &str) -> Option<(One, NatsOptions)> {
    let account = format!(
        "jetstream {{ store_dir: \"STORE\", sync_interval: always }}\naccounts {{ a {{ users: [{{ user: u, password: p }}], \
         jetstream: {{ {limits} }} }} }}"
    );
    let one = one(&account)?;
    let mut options = options(&one.server);
    options.auth = Auth::Password {
        user: "u".into(),
        password: Secret::new("p"),
    };
    options.request_timeout = Duration::from_secs(4);
    Some((one, options))
}

#[tokio::test]
async fn limits_of_an_account_are_told_with_what_to_raise() {
    // Streams: one is the bucket of leases.
    let Some((_one, options)) = limited("max_streams: 1, max_store: 10GB") else {
        return;
    };
    let nats = open(options);
    create(&nats, &topic("one")).await;
    let refused = within(nats.create_topic(&topic("two"), TopicSpec::default()))
        .await
        .expect_err("too many");
    println!("{refused}");
    says(&refused.message, &["/default/two", "number of streams"]);

    let Some((_one, options)) = limited("max_consumers: 1, max_store: 10GB") else {
        return;
    };
    let nats = open(options);
    create(&nats, &topic("t")).await;
    let consumer = |name: &str| danube_wasm_broker::ConsumerOptions {
        topic: topic("t"),
        subscription: name.into(),
        subscription_type: danube_wasm_model::SubscriptionType::Shared,
        consumer: "c".into(),
        start: danube_wasm_broker::StartAt::Earliest,
        unacknowledged_max: 10,
    };
    let _first = within(nats.subscribe(consumer("a"))).await.unwrap();
    let refused = within(nats.subscribe(consumer("b"))).await.err().expect("too many");
    println!("{refused}");
    says(&refused.message, &["subscription b", "number of consumers"]);

    let Some((_one, options)) = limited("max_store: 10MB") else {
        return;
    };
    let refused = within(open(options).create_topic(&topic("large"), TopicSpec::default())).await;
    let refused = refused.expect_err("it would hold 1 GiB");
    println!("{refused}");
    says(&refused.message, &["/default/large", "raise"]);

    let Some((_one, mut options)) = limited("max_store: 10GB, store_max_stream_bytes: 1MB") else {
        return;
    };
    options.topic_bytes_max = 1 << 30;
    let refused = within(open(options).create_topic(&topic("large"), TopicSpec::default())).await;
    let refused = refused.expect_err("a stream may have 1 MB");
    println!("{refused}");
    says(&refused.message, &["/default/large", "topic_bytes_max"]);
}

#[tokio::test]
async fn copies_on_a_server_that_is_alone_are_told() {
    let Some(one) = one("") else { return };
    let mut options = NatsOptions::new([one.server.url()]);
    options.request_timeout = Duration::from_secs(4);
    options.topic_bytes_max = 1 << 20;
    says(&refusal(options.clone()).await, &["alone", "`replicas = 1`", "three"]);
    let refused = within(open(options).create_topic(&topic("t"), TopicSpec::default())).await;
    says(&refused.expect_err("is alone").message, &["alone", "`replicas = 1`"]);
}
