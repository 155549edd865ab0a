//! Against a real Danube broker: `DANUBE_URL=http://127.0.0.1:6650`. Without it, these say that they were skipped.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{collections::HashMap, sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, Consumer, ErrorKind, MessageId, TopicInfo, TopicSpec};
use danube_wasm_broker_danube::{Danube, DanubeOptions, FailurePolicy, Poison};
use danube_wasm_model::{SubscriptionType, TopicName, clock::now_ms};
use futures_util::poll;
use support::{consumer_options, eventually, number, publish, receive, record, reliable, soon, topic};
use tokio::time::timeout;

fn client() -> Option<Arc<Danube>> {
    client_with(|_| ())
}

fn client_with(change: impl FnOnce(&mut DanubeOptions)) -> Option<Arc<Danube>> {
    let Ok(url) = std::env::var("DANUBE_URL") else {
        eprintln!("skipped: set DANUBE_URL to a Danube broker's URL");
        return None;
    };
    let mut options = DanubeOptions::new([url]);
    change(&mut options);
    Some(Danube::open(options).unwrap())
}

/// A name that no run before has used.
fn fresh(what: &str) -> String {
    format!("/default/{what}-{}-{}", now_ms(), std::process::id())
}

#[tokio::test]
async fn keyed_records_arrive_once_and_in_order() {
    let Some(client) = client() else { return };
    soon(client.check()).await.remove(0).1.unwrap();
    let topic = topic(&fresh("keyed"));
    soon(client.create_topic(&topic, reliable(3))).await.unwrap();
    // Not KeyShared: 0.15.1's dispatcher waits for the log's next message with acknowledgements unread, and delivers at
    // most one message each half second before that.
    let mut consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Exclusive)))
        .await
        .unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..300)
        .map(|n| record(&topic, Some(&format!("key-{}", n % 7)), n))
        .collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let mut newest: HashMap<Vec<u8>, usize> = HashMap::new();
    let acker = consumer.acker();
    let mut left = 300;
    while left > 0 {
        let messages = receive(&mut *consumer, 1).await;
        left -= messages.len();
        for message in &messages {
            let n = number(&message.payload);
            let before = newest.insert(message.key.as_deref().unwrap().to_vec(), n);
            assert!(before.is_none_or(|before| before < n), "{n} after {before:?}");
        }
        let ids: Vec<_> = messages.iter().map(|m| m.message_id).collect();
        soon(acker.ack(&ids)).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_given_back_comes_again() {
    let Some(client) = client() else { return };
    let topic = topic(&fresh("nack"));
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    let mut consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Shared)))
        .await
        .unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    assert!(publish(&*publisher, vec![record(&topic, None, 0)]).await[0].is_ok());
    let first = receive(&mut *consumer, 1).await.remove(0);
    soon(consumer.acker().nack(&[first.message_id], std::time::Duration::ZERO))
        .await
        .unwrap();
    let again = receive(&mut *consumer, 1).await.remove(0);
    assert_eq!((again.message_id, again.redeliveries), (first.message_id, 1));
    soon(consumer.acker().ack(&[again.message_id])).await.unwrap();
}

#[tokio::test]
async fn refusals_have_their_sentences() {
    let Some(client) = client() else { return };
    let topic = fresh("plain");
    let known = support::topic(&topic);
    soon(client.create_topic(&known, reliable(0))).await.unwrap();
    let error = soon(client.create_topic(&known, TopicSpec::default()))
        .await
        .unwrap_err();
    assert!(error.message.contains("set `reliable_dispatch`"), "{error}");
    let error = soon(client.create_topic(&known, reliable(2))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    let nowhere = support::topic("/nowhere/t");
    let error = soon(client.create_topic(&nowhere, reliable(0))).await.unwrap_err();
    assert!(error.message.contains("namespaces create"), "{error}");
    let schema = TopicSpec {
        schema_subject: Some("never-registered".into()),
        ..reliable(0)
    };
    let error = soon(client.create_topic(&support::topic(&fresh("schema")), schema.clone()))
        .await
        .unwrap_err();
    assert!(!error.is_transient(), "{error}");
    let options = consumer_options(&support::topic(&fresh("none")), SubscriptionType::Shared);
    assert_eq!(
        soon(client.subscribe(options)).await.err().unwrap().kind,
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn schemas_evolve() {
    let Some(client) = client() else { return };
    let registry = client.registry();
    let subject = fresh("subject").replace('/', "-");
    assert_eq!(soon(registry.latest(&subject)).await.unwrap(), None);
    assert_eq!(soon(registry.versions(&subject)).await.unwrap(), []);
    let one = r#"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#;
    let two = r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a"]}"#;
    let first = soon(registry.register(&subject, "json_schema", one)).await.unwrap();
    assert_eq!(
        soon(registry.register(&subject, "json_schema", one)).await.unwrap(),
        first
    );
    let second = soon(registry.register(&subject, "json_schema", two)).await.unwrap();
    assert_eq!(soon(registry.latest(&subject)).await.unwrap().as_ref(), Some(&second));
    assert_eq!(soon(registry.versions(&subject)).await.unwrap(), [first, second]);
    let other = r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#;
    let error = soon(registry.register(&subject, "json_schema", other))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    let topic = support::topic(&fresh("typed"));
    let spec = TopicSpec {
        schema_subject: Some(subject),
        ..reliable(0)
    };
    soon(client.create_topic(&topic, spec.clone())).await.unwrap();
    let another = TopicSpec {
        schema_subject: Some("other".into()),
        ..spec
    };
    let error = soon(client.create_topic(&topic, another)).await.unwrap_err();
    assert!(error.message.contains("Use that subject"), "{error}");
}

/// `DANUBE_ADMIN_URL=http://127.0.0.1:50051` besides.
#[tokio::test]
async fn operators_see_and_delete_what_is_there() {
    let (Ok(url), Ok(admin_url)) = (std::env::var("DANUBE_URL"), std::env::var("DANUBE_ADMIN_URL")) else {
        eprintln!("skipped: set DANUBE_URL and DANUBE_ADMIN_URL to the URLs of a Danube broker");
        return;
    };
    let mut options = DanubeOptions::new([url]);
    options.admin_url = Some(admin_url);
    let client = Danube::open(options).unwrap();
    let topic = topic(&fresh("operated"));
    soon(client.create_topic(&topic, reliable(2))).await.unwrap();
    let consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Shared)))
        .await
        .unwrap();
    assert!(soon(client.namespaces()).await.unwrap().contains("default"));
    let admin = client.admin().unwrap();
    // Once, however often its namespace is listed.
    let topics = soon(admin.topics()).await.unwrap();
    assert_eq!(topics.iter().filter(|info| info.topic == topic).count(), 1);
    let mine = |topics: Vec<TopicInfo>| topics.into_iter().find(|info| info.topic == topic);
    let found = mine(soon(admin.topics()).await.unwrap()).unwrap();
    assert_eq!((found.partitions, found.subscriptions), (2, vec!["sub".to_owned()]));
    let subscriptions = soon(admin.subscriptions()).await.unwrap();
    let found = subscriptions.iter().find(|info| info.topic == topic).unwrap();
    assert_eq!(found.subscription_type, Some(SubscriptionType::Shared));
    let default = FailurePolicy {
        poison: Poison::Block,
        max_redelivery_count: 5,
        ack_timeout: Duration::from_secs(30),
    };
    assert_eq!(soon(client.failure_policy(&topic, "sub")).await.unwrap(), Some(default));
    let error = soon(admin.delete_subscription(&topic, "sub")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "it is consumed: {error}");
    drop(consumer);
    eventually("nobody consumes it", || admin.delete_subscription(&topic, "sub")).await;
    let found = mine(soon(admin.topics()).await.unwrap()).unwrap();
    assert!(found.subscriptions.is_empty(), "{found:?}");
    soon(admin.delete_topic(&topic)).await.unwrap();
    assert_eq!(mine(soon(admin.topics()).await.unwrap()), None);
}

/// 0.15.1 takes what was acknowledged above the oldest unacknowledged message for unread, waits for it at the end of the log, and
/// does nothing else for that partition until something more is published there.
#[tokio::test]
async fn danube_stands_still_at_the_end_of_the_log_when_the_newest_message_is_acknowledged_before_others() {
    const SOON: Duration = Duration::from_millis(500);
    let Some(client) = client_with(|options| options.newest_waits_max = Duration::ZERO) else {
        return;
    };
    // Where another consumer may have what was given back, the client does not wait for it for ever.
    let (topic, mut consumer, ids) = in_hand(&client, SubscriptionType::Shared, 2).await;
    let publisher = client.publisher("p/source").await.unwrap();
    let acker = consumer.acker();
    // What is given back comes again,
    soon(acker.nack(&ids[..1], SOON)).await.unwrap();
    assert_eq!(receive(&mut *consumer, 1).await[0].message_id, ids[0]);
    // but not when a newer one was acknowledged,
    soon(acker.nack(&ids[..1], SOON)).await.unwrap();
    soon(acker.ack(&ids[1..])).await.unwrap();
    let again = timeout(Duration::from_secs(5), consumer.receive(1)).await;
    assert!(again.is_err(), "{again:?}");
    // until something is published.
    assert!(publish(&*publisher, vec![record(&topic, None, 2)]).await[0].is_ok());
    let came = receive(&mut *consumer, 2).await;
    assert!(came.iter().any(|message| message.message_id == ids[0]), "{came:?}");
}

/// With the newest message's acknowledgement behind the others', given back ones come at the end of the log, too.
#[tokio::test]
async fn the_newest_waits_so_that_danube_goes_on() {
    let Some(client) = client() else { return };
    for kind in [SubscriptionType::Exclusive, SubscriptionType::Shared] {
        let (_, mut consumer, ids) = in_hand(&client, kind, 5).await;
        let acker = consumer.acker();
        let mut newest = acker.ack(&ids[4..]);
        assert!(poll!(&mut newest).is_pending());
        soon(acker.nack(&ids[..1], Duration::ZERO)).await.unwrap();
        assert_eq!(receive(&mut *consumer, 1).await[0].message_id, ids[0], "{kind:?}");
        soon(acker.ack(&ids[..4])).await.unwrap();
        soon(newest).await.unwrap();
    }
}

async fn in_hand(
    client: &Arc<Danube>,
    kind: SubscriptionType,
    n: usize,
) -> (TopicName, Box<dyn Consumer>, Vec<MessageId>) {
    let topic = topic(&fresh("order"));
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    let mut consumer = soon(client.subscribe(consumer_options(&topic, kind))).await.unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let records = (0..n).map(|n| record(&topic, None, n)).collect();
    assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
    let given = receive(&mut *consumer, n).await;
    let ids = given.iter().map(|message| message.message_id).collect();
    (topic, consumer, ids)
}
