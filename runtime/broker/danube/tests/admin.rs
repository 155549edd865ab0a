//! The admin API, against a broker that knows partitions only as topics, as Danube's do.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use danube_wasm_broker::{Admin, Broker, ErrorKind, SeekTo};
use danube_wasm_broker_danube::{Danube, DanubeOptions, FailurePolicy, Poison};
use danube_wasm_model::SubscriptionType;
use danube_wasm_proto::admin::SubscriptionPoisonPolicy;
use support::{Wire, admin::Operated, soon, topic};

/// A broker with two topics, and a client that knows where its admin API is.
async fn operated() -> (Operated, Arc<Danube>) {
    let (broker, url) = Operated::start().await;
    let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    broker.topics.lock().extend([
        ("/default/orders-part-0".into(), of(&["dropping", "kept"])),
        // Subscribed while the second partition was away.
        ("/default/orders-part-1".into(), of(&["kept"])),
        ("/default/plain".into(), of(&[])),
    ]);
    broker.namespaces.lock().push("empty".into());
    let dropping = ("dropping".into(), SubscriptionPoisonPolicy::Drop);
    broker.policies.lock().extend([dropping]);
    let mut options = DanubeOptions::new(["http://127.0.0.1:1"]);
    options.admin_url = Some(url);
    (broker, Danube::open(options).unwrap())
}

fn admin(client: &Danube) -> Arc<dyn Admin> {
    client.admin().expect("its URL is known")
}

#[tokio::test]
async fn topics_and_subscriptions_are_told_without_their_partitions() {
    let (_broker, client) = operated().await;
    let topics = soon(admin(&client).topics()).await.unwrap();
    let told: Vec<_> = topics
        .iter()
        .map(|info| (info.topic.as_str(), info.partitions, info.subscriptions.join(" ")))
        .collect();
    let expected = [
        ("/default/orders", 2, "dropping kept".to_owned()),
        ("/default/plain", 0, String::new()),
    ];
    assert_eq!(told, expected);
    assert!(
        topics
            .iter()
            .all(|info| info.messages.is_none() && info.bytes.is_none())
    );
    let subscriptions = soon(admin(&client).subscriptions()).await.unwrap();
    let told: Vec<_> = subscriptions
        .iter()
        .map(|info| {
            (
                info.topic.as_str(),
                info.subscription.as_str(),
                info.subscription_type,
                info.lag,
            )
        })
        .collect();
    let expected = [
        ("/default/orders", "dropping", Some(SubscriptionType::KeyShared), None),
        ("/default/orders", "kept", Some(SubscriptionType::Shared), None),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_deleted_is_deleted_on_every_partition() {
    let (broker, client) = operated().await;
    let (orders, admin) = (topic("/default/orders"), admin(&client));
    soon(admin.delete_subscription(&orders, "kept")).await.unwrap();
    soon(admin.delete_subscription(&orders, "dropping")).await.unwrap();
    assert!(broker.topics.lock().values().all(BTreeSet::is_empty));
    let error = soon(admin.delete_subscription(&orders, "kept")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    soon(admin.delete_topic(&orders)).await.unwrap();
    assert_eq!(broker.topics.lock().keys().collect::<Vec<_>>(), ["/default/plain"]);
    let error = soon(admin.delete_topic(&orders)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_topic_whose_deletion_would_take_another_along_is_left_alone() {
    let (broker, client) = operated().await;
    broker
        .topics
        .lock()
        .insert("/default/orders2-part-0".into(), BTreeSet::new());
    let before = broker.topics.lock().clone();
    let error = soon(admin(&client).delete_topic(&topic("/default/orders")))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error.message.contains("would delete /default/orders2-part-0 too"),
        "{error}"
    );
    assert_eq!(*broker.topics.lock(), before);
    soon(admin(&client).delete_topic(&topic("/default/orders2")))
        .await
        .unwrap();
    soon(admin(&client).delete_topic(&topic("/default/orders")))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_failure_policy_is_told_where_one_was_set() {
    let (_broker, client) = operated().await;
    let orders = topic("/default/orders");
    let set = FailurePolicy {
        poison: Poison::Drop,
        max_redelivery_count: 3,
        ack_timeout: Duration::from_secs(12),
    };
    assert_eq!(
        soon(client.failure_policy(&orders, "dropping")).await.unwrap(),
        Some(set)
    );
    assert_eq!(soon(client.failure_policy(&orders, "kept")).await.unwrap(), None);
    let error = soon(client.failure_policy(&orders, "nobody")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn what_danube_cannot_do_is_said() {
    let (_broker, client) = operated().await;
    let (orders, admin) = (topic("/default/orders"), admin(&client));
    let error = soon(admin.seek(&orders, "kept", SeekTo::Earliest)).await.unwrap_err();
    assert!(
        error.message.contains("Danube's brokers have no call for that"),
        "{error}"
    );
}

#[tokio::test]
async fn without_its_url_there_is_none_and_a_wrong_one_says_which_port_is_meant() {
    let wire = Wire::start().await;
    assert!(wire.client().admin().is_none());
    let error = soon(wire.client().failure_policy(&topic("/default/t"), "s"))
        .await
        .unwrap_err();
    assert!(error.message.contains("set `admin_url`"), "{error}");
    let mut options = wire.options();
    options.admin_url = Some(wire.url());
    let client = Danube::open(options.clone()).unwrap();
    let error = soon(admin(&client).topics()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Incompatible);
    assert!(error.message.contains("its port is 50051 by default"), "{error}");
    options.admin_url = Some("localhost".into());
    let error = Danube::open(options).err().expect("refused");
    assert!(error.message.contains("write `http://host:50051`"), "{error}");
}
