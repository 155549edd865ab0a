//! What an operator does to topics and subscriptions, and what their users see of it.
#![allow(clippy::unwrap_used, reason = "a failed test may end so")]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use danube_wasm_broker::{
    Admin, Broker, ErrorKind, SeekTo, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::SubscriptionType::{Exclusive, Failover, KeyShared, Shared};
use support::*;

fn admin(broker: &dyn Broker) -> Arc<dyn Admin> {
    broker.admin().expect("the log has one")
}

#[tokio::test]
async fn topics_and_subscriptions_are_listed_with_their_figures() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 2).await;
    publish(&*broker, &["a:1", "b:2", "c:3"]).await;
    let mut consumer = subscribe(&*broker, Shared, "one").await;
    let _second = subscribe(&*broker, Shared, "two").await;
    let messages = receive(&mut *consumer, 3).await;
    ack(&*consumer, &messages[..1]).await;
    let topics = admin(&*broker).topics().await.unwrap();
    assert_eq!(topics.len(), 1);
    assert_eq!((&topics[0].topic, topics[0].partitions), (&topic(), 2));
    assert_eq!(topics[0].subscriptions, ["subscription"]);
    let kept = topics[0].messages.expect("counted");
    assert!((2..=3).contains(&kept), "the acknowledged one may be trimmed: {kept}");
    assert!(topics[0].bytes.expect("counted") > kept * 10);
    let subscriptions = admin(&*broker).subscriptions().await.unwrap();
    assert_eq!(subscriptions.len(), 1);
    assert_eq!(
        (subscriptions[0].subscription_type, subscriptions[0].lag),
        (Some(Shared), Some(2))
    );
    assert_eq!(subscriptions[0].consumers, ["one", "two"]);
    drop(consumer);
    assert_eq!(admin(&*broker).subscriptions().await.unwrap()[0].consumers, ["two"]);
}

#[tokio::test]
async fn a_deleted_topic_ends_for_its_users_and_is_another_when_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 3).await;
    publish(&*broker, &["a:1", "b:2"]).await;
    let publisher = broker.publisher("p").await.unwrap();
    let mut consumer = subscribe(&*broker, KeyShared, "c").await;
    let acker = consumer.acker();
    let given = receive(&mut *consumer, 2).await;
    let waiting = tokio::spawn(async move { consumer.receive(1).await });
    admin(&*broker).delete_topic(&topic()).await.unwrap();
    let error = within(waiting).await.unwrap().expect_err("ended");
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(
        error
            .message
            .contains("subscription `subscription` of /test/topic was deleted"),
        "{error}"
    );
    assert_eq!(
        acker.ack(&ids(&given)).await.expect_err("ended").kind,
        ErrorKind::NotFound
    );
    let nacked = acker.nack(&ids(&given), std::time::Duration::ZERO).await;
    assert_eq!(nacked.expect_err("ended").kind, ErrorKind::NotFound);
    let error = try_publish(&*publisher, vec![record("", "late")])
        .await
        .expect_err("gone");
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert!(broker.lag().await.unwrap().is_empty());
    assert!(admin(&*broker).topics().await.unwrap().is_empty());
    assert_eq!(
        admin(&*broker).delete_topic(&topic()).await.expect_err("gone").kind,
        ErrorKind::NotFound
    );

    // Another number of partitions is no conflict, and nothing of the old one is there.
    create(&*broker, 0).await;
    publish(&*broker, &["new"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&messages), ["new"]);
    assert!(messages[0].message_id.partition > given[0].message_id.partition);
    broker.close().await.unwrap();
    let broker = open(directory.path());
    assert_eq!(broker.lag().await.unwrap()[0].messages, 1);
}

#[tokio::test]
async fn the_messages_of_a_large_deleted_topic_go_little_by_little_also_across_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 2).await;
    let publisher = broker.publisher("p").await.unwrap();
    let groups = (0..10_000).map(|n| vec![record(&n.to_string(), "text")]);
    for result in publisher.publish(groups.collect()).await {
        result.unwrap();
    }
    admin(&*broker).delete_topic(&topic()).await.unwrap();
    broker.close().await.unwrap();
    let broker = open(directory.path());
    create(&*broker, 2).await;
    publish(&*broker, &["a:1"]).await;
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["1"]);
    broker.close().await.unwrap();
    within(async {
        while rows(directory.path(), "messages") > 1 {
            // The deletion continues at the next opening.
            let broker = open(directory.path());
            publish(&*broker, &["a:2"]).await;
            let mut consumer = subscribe(&*broker, Exclusive, "c").await;
            let messages = receive(&mut *consumer, 1).await;
            ack(&*consumer, &messages).await;
            broker.close().await.unwrap();
        }
    })
    .await;
    assert_eq!(rows(directory.path(), "doomed"), 0);
}

/// Rows of a table of a closed log.
fn rows(directory: &std::path::Path, table: &str) -> u64 {
    use redb::{ReadableDatabase, ReadableTableMetadata};
    let database = redb::Database::open(directory.join("log.redb")).unwrap();
    let transaction = database.begin_read().unwrap();
    match table {
        "messages" => {
            let table = redb::TableDefinition::<(u64, u64), &[u8]>::new(table);
            transaction.open_table(table).unwrap().len().unwrap()
        }
        _ => {
            let table = redb::TableDefinition::<u64, ()>::new(table);
            transaction.open_table(table).unwrap().len().unwrap()
        }
    }
}

#[tokio::test]
async fn a_group_for_a_deleted_topic_leaves_the_others_of_its_call() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let other: danube_wasm_model::TopicName = "/test/other".parse().unwrap();
    broker.create_topic(&other, Default::default()).await.unwrap();
    let publisher = broker.publisher("p").await.unwrap();
    let to_other = |text: &str| danube_wasm_broker::Outgoing {
        topic: other.clone(),
        ..record("", text)
    };
    // Queued one behind the other: the deletion comes first, although the records were prepared before it was done.
    let deleting = admin(&*broker);
    let pending_deletes = topic();
    let mut deleted = Box::pin(deleting.delete_topic(&pending_deletes));
    assert!(futures_util::poll!(&mut deleted).is_pending());
    let published = publisher.publish(vec![
        vec![record("", "gone")],
        vec![to_other("half"), record("", "gone too")],
        vec![to_other("kept")],
    ]);
    let results = within(published).await;
    within(deleted).await.unwrap();
    let kinds: Vec<_> = results
        .iter()
        .map(|r| r.as_ref().map(|_| ()).map_err(|e| e.kind))
        .collect();
    assert_eq!(kinds, [Err(ErrorKind::NotFound), Err(ErrorKind::NotFound), Ok(())]);
    let mut options = consumer_options(Exclusive, "c");
    options.topic = other;
    let mut consumer = broker.subscribe(options).await.unwrap();
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["kept"]);
    receives_nothing(&mut *consumer).await;
}

#[tokio::test]
async fn a_deleted_subscription_ends_alone() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["1"]).await;
    let mut gone = subscribe(&*broker, Exclusive, "c").await;
    let mut options = consumer_options(Exclusive, "c");
    options.subscription = "other".into();
    let mut other = broker.subscribe(options).await.unwrap();
    let given = receive(&mut *gone, 1).await;
    admin(&*broker)
        .delete_subscription(&topic(), "subscription")
        .await
        .unwrap();
    assert_eq!(gone.receive(1).await.expect_err("ended").kind, ErrorKind::NotFound);
    assert_eq!(
        gone.acker().ack(&ids(&given)).await.expect_err("ended").kind,
        ErrorKind::NotFound
    );
    assert_eq!(texts(&receive(&mut *other, 1).await), ["1"]);
    assert_eq!(broker.lag().await.unwrap().len(), 1);
    let again = admin(&*broker).delete_subscription(&topic(), "subscription").await;
    assert_eq!(again.expect_err("gone").kind, ErrorKind::NotFound);
    // A subscription created again is a new one: it starts at its own start position, even if data of the old one is left.
    let mut again = subscribe(&*broker, Shared, "c").await;
    assert_eq!(texts(&receive(&mut *again, 1).await), ["1"]);
    drop(gone);
    assert_eq!(admin(&*broker).subscriptions().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_position_moves_to_the_oldest_to_the_end_and_to_a_time() {
    let now = Arc::new(AtomicU64::new(1000));
    let clock = now.clone();
    let options = EmbeddedOptions {
        clock: Arc::new(move || clock.load(Ordering::Relaxed)),
        retention: danube_wasm_broker::embedded::RetentionOptions {
            unsubscribed_age: None,
            ..Default::default()
        },
        ..Default::default()
    };
    let directory = tempfile::tempdir().unwrap();
    let broker = EmbeddedBroker::open(directory.path(), options.clone()).unwrap();
    create(&*broker, 2).await;
    // A subscription that keeps everything.
    let mut keeps = consumer_options(Exclusive, "k");
    keeps.subscription = "keeps".into();
    drop(broker.subscribe(keeps).await.unwrap());
    let mut consumer = subscribe(&*broker, Failover, "c").await;
    for (n, key) in ["a", "b", "c", "d", "e", "f"].into_iter().enumerate() {
        now.store(1000 + 10 * n as u64, Ordering::Relaxed);
        publish(&*broker, &[&format!("{key}:{n}")]).await;
    }
    let messages = receive(&mut *consumer, 6).await;
    ack(&*consumer, &messages[..2]).await;
    let seek = async |to| admin(&*broker).seek(&topic(), "subscription", to).await.unwrap();
    let sorted = |messages: &[danube_wasm_broker::Message]| {
        let mut texts: Vec<String> = texts(messages).into_iter().map(str::to_owned).collect();
        texts.sort();
        texts
    };
    seek(SeekTo::Earliest).await;
    let again = receive(&mut *consumer, 6).await;
    assert_eq!(sorted(&again), ["0", "1", "2", "3", "4", "5"]);
    assert!(
        again.iter().all(|message| message.redeliveries == 0),
        "not given before, as it were"
    );
    seek(SeekTo::PublishTimeMs(1021)).await;
    assert_eq!(broker.lag().await.unwrap()[1].messages, 3);
    assert_eq!(sorted(&receive(&mut *consumer, 3).await), ["3", "4", "5"]);
    receives_nothing(&mut *consumer).await;
    seek(SeekTo::PublishTimeMs(1050)).await;
    assert_eq!(sorted(&receive(&mut *consumer, 1).await), ["5"]);
    seek(SeekTo::Latest).await;
    assert_eq!(broker.lag().await.unwrap()[1].messages, 0);
    receives_nothing(&mut *consumer).await;
    seek(SeekTo::PublishTimeMs(1030)).await;
    broker.close().await.unwrap();
    let broker = EmbeddedBroker::open(directory.path(), options).unwrap();
    let mut consumer = subscribe(&*broker, Failover, "c").await;
    assert_eq!(
        sorted(&receive(&mut *consumer, 3).await),
        ["3", "4", "5"],
        "also after a restart"
    );
    let missing = admin(&*broker).seek(&topic(), "nobody", SeekTo::Latest).await;
    assert_eq!(missing.expect_err("no subscription").kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn moving_makes_room_for_consumers_that_were_full() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    publish(&*broker, &["1", "2", "3"]).await;
    let mut options = consumer_options(Exclusive, "c");
    options.unacknowledged_max = 2;
    let mut consumer = broker.subscribe(options).await.unwrap();
    assert_eq!(texts(&receive(&mut *consumer, 2).await), ["1", "2"]);
    receives_nothing(&mut *consumer).await;
    admin(&*broker)
        .seek(&topic(), "subscription", SeekTo::Earliest)
        .await
        .unwrap();
    assert_eq!(texts(&receive(&mut *consumer, 2).await), ["1", "2"]);
}

#[tokio::test]
async fn a_topic_gets_partitions_under_its_consumers() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open(directory.path());
    broker.ensure_partitions(&topic(), 1).await.unwrap();
    let other: danube_wasm_model::TopicName = "/test/other".parse().unwrap();
    broker.create_topic(&other, Default::default()).await.unwrap();
    let mut options = consumer_options(Exclusive, "c");
    options.start = StartAt::Latest;
    let mut consumer = broker.subscribe(options).await.unwrap();
    broker.ensure_partitions(&topic(), 3).await.unwrap();
    broker.ensure_partitions(&topic(), 2).await.unwrap();
    assert_eq!(broker.partitions(&topic()), Some(3));
    let to_last = broker.partition_publisher("p", Some(2)).unwrap();
    try_publish(&*to_last, vec![record("any", "in 2")]).await.unwrap();
    let messages = receive(&mut *consumer, 1).await;
    assert_eq!(texts(&messages), ["in 2"]);
    assert_eq!(
        messages[0].message_id.partition,
        broker.partition_id(&topic(), Some(2)).unwrap()
    );
    ack(&*consumer, &messages).await;
    let nowhere = broker.partition_publisher("p", Some(3)).unwrap();
    let error = try_publish(&*nowhere, vec![record("", "x")])
        .await
        .expect_err("no such partition");
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(
        broker.ensure_partitions(&other, 2).await.expect_err("has none").kind,
        ErrorKind::Conflict
    );
    try_publish(&*to_last, vec![record("", "after")]).await.unwrap();
    drop(consumer);
    broker.close().await.unwrap();
    let broker = open(directory.path());
    assert_eq!(broker.partitions(&topic()), Some(3));
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    assert_eq!(texts(&receive(&mut *consumer, 1).await), ["after"]);
    receives_nothing(&mut *consumer).await;
}

#[tokio::test]
async fn consumers_of_one_partition_share_a_subscription_by_its_rules() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 2).await;
    for partition in [0, 1] {
        let publisher = broker.partition_publisher("p", Some(partition)).unwrap();
        for n in 0..2 {
            let text = format!("{partition}.{n}");
            try_publish(&*publisher, vec![record("k", &text)]).await.unwrap();
        }
    }
    let one = |name: &str, partition| broker.subscribe_partition(consumer_options(Exclusive, name), partition);
    let mut zero = one("c", 0).await.unwrap();
    let mut first = one("c", 1).await.unwrap();
    assert_eq!(texts(&receive(&mut *zero, 2).await), ["0.0", "0.1"]);
    assert_eq!(
        texts(&receive(&mut *first, 2).await),
        ["1.0", "1.1"],
        "the same name on another is no takeover"
    );
    assert_eq!(one("d", 1).await.err().expect("taken").kind, ErrorKind::Conflict);
    let mut again = one("c", 1).await.unwrap();
    assert_eq!(
        first.receive(1).await.expect_err("taken over").kind,
        ErrorKind::Conflict
    );
    assert_eq!(texts(&receive(&mut *again, 2).await), ["1.0", "1.1"]);
    let all = broker.subscribe(consumer_options(Exclusive, "d")).await;
    assert_eq!(all.err().expect("taken").kind, ErrorKind::Conflict);
    let mut all = broker.subscribe(consumer_options(Exclusive, "c")).await.unwrap();
    assert_eq!(zero.receive(1).await.expect_err("taken over").kind, ErrorKind::Conflict);
    assert_eq!(receive(&mut *all, 4).await.len(), 4);
    assert_eq!(one("c", 2).await.err().expect("no partition").kind, ErrorKind::NotFound);

    drop((zero, first, again, all));
    let failover = |name: &str, partition| broker.subscribe_partition(consumer_options(Failover, name), partition);
    let mut active = failover("a", 0).await.unwrap();
    let mut standby = failover("b", 0).await.unwrap();
    let mut elsewhere = failover("b", 1).await.unwrap();
    assert_eq!(
        receive(&mut *elsewhere, 2).await.len(),
        2,
        "active on its own partition"
    );
    assert_eq!(receive(&mut *active, 2).await.len(), 2);
    receives_nothing(&mut *standby).await;
    drop(active);
    assert_eq!(texts(&receive(&mut *standby, 2).await), ["0.0", "0.1"]);
}

#[tokio::test]
async fn a_record_without_an_id_gets_one_of_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    let publisher = broker.publisher("p").await.unwrap();
    for _ in 0..2 {
        let mut nameless = record("", "x");
        nameless.id = danube_wasm_model::RecordId::from_broker(String::new());
        try_publish(&*publisher, vec![nameless]).await.unwrap();
    }
    let mut consumer = subscribe(&*broker, Exclusive, "c").await;
    let messages = receive(&mut *consumer, 2).await;
    assert_ne!(messages[0].id, messages[1].id);
    for message in &messages {
        assert_eq!(
            message.id,
            danube_wasm_broker::embedded::fallback_record_id(&topic(), message.message_id)
        );
    }
}

#[tokio::test]
async fn notes_are_kept_and_those_of_a_topic_go_with_it() {
    use danube_wasm_broker::embedded::NoteKind::{SubjectMode, TopicSubject};
    let directory = tempfile::tempdir().unwrap();
    let broker = open_with_topic(directory.path(), 0).await;
    broker.set_note(TopicSubject, "/test/topic", "orders").await.unwrap();
    broker.set_note(SubjectMode, "orders", "none").await.unwrap();
    broker.set_note(SubjectMode, "orders", "full").await.unwrap();
    broker.close().await.unwrap();
    let broker = open(directory.path());
    assert_eq!(
        broker.note(TopicSubject, "/test/topic").await.unwrap().as_deref(),
        Some("orders")
    );
    admin(&*broker).delete_topic(&topic()).await.unwrap();
    assert_eq!(broker.note(TopicSubject, "/test/topic").await.unwrap(), None);
    assert_eq!(
        broker.note(SubjectMode, "orders").await.unwrap().as_deref(),
        Some("full")
    );
}
