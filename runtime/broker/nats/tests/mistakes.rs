//! What can be wrong with servers, accounts and streams: each is one sentence with its cure.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test may end so")]

mod support;

use std::time::Duration;

use danube_wasm_broker::{Broker as _, ErrorKind, TopicSpec};
use danube_wasm_broker_nats::{Auth, Nats, NatsOptions, Secret};
use support::{create, one, open, options, publish, record, topic, within};

/// What the check says.
async fn refusal(options: NatsOptions) -> String {
    let nats = open(options);
    let refused = within(nats.probe()).await.expect_err("is refused");
    refused.message
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
}

#[tokio::test]
async fn one_copy_without_consent_is_refused() {
    let mut options = NatsOptions::new(["nats://127.0.0.1:1"]);
    options.replicas = 1;
    let error = Nats::open(options).err().expect("is refused");
    assert_eq!(error.kind, ErrorKind::Denied);
    says(
        &error.message,
        &["`replicas` is 1", "accept_loss = true", "three servers"],
    );
}

#[tokio::test]
async fn servers_that_are_away_are_named() {
    let message = refusal({
        let mut options = NatsOptions::new(["nats://127.0.0.1:1"]);
        (options.replicas, options.accept_loss) = (1, true);
        options
    })
    .await;
    says(&message, &["nats://127.0.0.1:1", "cannot be reached", "start it"]);
}

#[tokio::test]
async fn a_server_without_jetstream_is_told() {
    let Some(one) = one("# no jetstream") else { return };
    let message = refusal(options(&one.server)).await;
    says(&message, &["JetStream", "jetstream {"]);
}

#[tokio::test]
async fn a_server_that_takes_small_messages_only_is_told() {
    let Some(one) = one("max_payload: 65536") else { return };
    says(&refusal(options(&one.server)).await, &["65536 bytes", "max_payload"]);
}

#[tokio::test]
async fn wrong_credentials_are_told() {
    let Some(one) = one("authorization { user: u, password: right }") else {
        return;
    };
    let mut options = options(&one.server);
    options.auth = Auth::Password {
        user: "u".into(),
        password: Secret::new("wrong"),
    };
    says(
        &refusal(options.clone()).await,
        &["does not accept this user", "password"],
    );
    options.auth = Auth::Password {
        user: "u".into(),
        password: Secret::new("right"),
    };
    within(open(options).probe()).await.expect("is let in");
}

#[tokio::test]
async fn a_user_without_rights_is_told_which() {
    let permissions = "authorization { users: [{ user: u, password: p, permissions: { publish: [\"_INBOX.>\"], \
                       subscribe: [\">\"] } }] }";
    let Some(one) = one(permissions) else { return };
    let mut options = options(&one.server);
    options.auth = Auth::Password {
        user: "u".into(),
        password: Secret::new("p"),
    };
    says(&refusal(options).await, &["Permissions Violation", "$JS.API.>"]);
}

#[tokio::test]
async fn an_account_at_its_limit_is_told() {
    let account = "jetstream { store_dir: \"STORE\" }\naccounts { a { users: [{ user: u, password: p }], \
                   jetstream: { max_streams: 3, max_store: 10MB } } }";
    let Some(one) = one(account) else { return };
    let mut options = options(&one.server);
    options.auth = Auth::Password {
        user: "u".into(),
        password: Secret::new("p"),
    };
    let nats = open(options);
    let refused = within(nats.create_topic(&topic("large"), TopicSpec::default())).await;
    let refused = refused.expect_err("it would hold 1 GiB");
    says(&refused.message, &["large", "`nats.topic_bytes_max`"]);
    assert_eq!(refused.kind, ErrorKind::Storage);
}

#[tokio::test]
async fn a_server_with_less_room_than_a_topic_reserves_is_told() {
    let Some(one) = one("jetstream { store_dir: \"STORE\", max_file_store: 1536MB }") else {
        return;
    };
    let nats = open(options(&one.server));
    create(&nats, &topic("first")).await;
    let refused = within(nats.create_topic(&topic("second"), TopicSpec::default())).await;
    let refused = refused.expect_err("both would hold 1 GiB");
    says(
        &refused.message,
        &["second", "`nats.topic_bytes_max`", "max_file_store"],
    );
    assert_eq!(refused.kind, ErrorKind::Storage);
}

#[tokio::test]
async fn a_stream_of_another_program_and_one_that_takes_our_subjects_are_told() {
    let Some(one) = one("") else { return };
    let client = async_nats::connect(one.server.url()).await.unwrap();
    for (name, subjects) in [("dw=default=taken", "elsewhere.>"), ("greedy", "dw.default.covered.>")] {
        let config = format!(r#"{{"name":"{name}","subjects":["{subjects}"],"storage":"file"}}"#);
        client
            .request(format!("$JS.API.STREAM.CREATE.{name}"), config.into())
            .await
            .unwrap();
    }
    let nats = open(options(&one.server));
    let error = within(nats.create_topic(&topic("taken"), TopicSpec::default()))
        .await
        .expect_err("taken");
    says(
        &error.message,
        &["dw=default=taken", "made by another program", "prefix"],
    );
    let error = within(nats.create_topic(&topic("covered"), TopicSpec::default()))
        .await
        .expect_err("covered");
    says(&error.message, &["prefix", "another stream"]);
    let error = within(nats.probe_topic(&topic("covered"))).await.expect_err("covered");
    says(&error.message, &["greedy", "prefix"]);
}

#[tokio::test]
async fn settings_that_lose_messages_are_refused() {
    let Some(one) = one("") else { return };
    let nats = open(options(&one.server));
    create(&nats, &topic("edited")).await;
    let client = async_nats::connect(one.server.url()).await.unwrap();
    let info = client
        .request("$JS.API.STREAM.INFO.dw=default=edited", "".into())
        .await
        .unwrap();
    let mut info: serde_json::Value = serde_json::from_slice(&info.payload).unwrap();
    let mut config = info["config"].take();
    config["max_age"] = serde_json::json!(3_600_000_000_000_u64);
    client
        .request("$JS.API.STREAM.UPDATE.dw=default=edited", config.to_string().into())
        .await
        .unwrap();
    let error = within(open(options(&one.server)).probe_topic(&topic("edited")))
        .await
        .expect_err("loses messages");
    assert_eq!(error.kind, ErrorKind::Conflict);
    says(&error.message, &["max_age", "nats stream edit"]);
}

#[tokio::test]
async fn a_record_over_the_limit_is_refused_with_the_limit() {
    let Some(one) = one("") else { return };
    let nats = open(options(&one.server));
    create(&nats, &topic("large")).await;
    let publisher = nats.publisher("p").await.unwrap();
    let groups = vec![
        vec![record(&topic("large"), None, "before")],
        vec![danube_wasm_broker::Outgoing {
            payload: vec![b'x'; 1 << 20].into(),
            ..record(&topic("large"), None, "large")
        }],
        vec![record(&topic("large"), Some(&"k".repeat(61 << 10)), "key")],
        vec![record(&topic("large"), None, "after")],
    ];
    let fates = publish(&*publisher, groups).await;
    assert!(fates[0].is_ok() && fates[3].is_ok(), "{fates:?}");
    let error = fates[1].as_ref().expect_err("too large");
    assert_eq!(error.kind, ErrorKind::TooLarge);
    says(&error.message, &["NATS takes 1007616", "max_payload"]);
    let error = fates[2].as_ref().expect_err("too much beside the payload");
    assert_eq!(error.kind, ErrorKind::TooLarge);
    says(&error.message, &["key, id and attributes", "61440"]);
}

#[tokio::test]
async fn a_full_topic_refuses_records_and_takes_them_again() {
    let Some(one) = one("") else { return };
    let mut options = options(&one.server);
    options.topic_bytes_max = 1 << 20;
    options.publish_timeout = Duration::from_secs(1);
    let nats = open(options);
    create(&nats, &topic("full")).await;
    let publisher = nats.publisher("p").await.unwrap();
    let mut refused = None;
    for n in 0..20 {
        let mut record = record(&topic("full"), None, &n.to_string());
        record.payload = vec![b'x'; 100 << 10].into();
        refused = publish(&*publisher, vec![vec![record]]).await.remove(0).err();
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("it is full");
    assert_eq!(refused.kind, ErrorKind::Storage, "{refused}");
    says(&refused.message, &["full", "topic_bytes_max"]);
}

#[tokio::test]
async fn without_monitoring_and_with_lazy_servers_nothing_counts_as_durable() {
    let Some(lazy) = one("jetstream { store_dir: \"STORE\", sync_interval: 2m }") else {
        return;
    };
    let mut options = options(&lazy.server);
    let promises = within(open(options.clone()).probe()).await.unwrap();
    assert!(!promises.synced);
    says(
        &promises.warnings.join("\n"),
        &["nats.monitoring", "sync_interval: always", "replicas = 3"],
    );
    options.monitoring = vec![lazy.server.monitoring_url()];
    let promises = within(open(options.clone()).probe()).await.unwrap();
    assert!(!promises.synced);
    says(&promises.warnings.join("\n"), &["do not sync each write"]);
    options.monitoring = vec!["http://127.0.0.1:1".into()];
    let promises = within(open(options).probe()).await.unwrap();
    says(
        &promises.warnings.join("\n"),
        &["http://127.0.0.1:1", "does not answer"],
    );
}
