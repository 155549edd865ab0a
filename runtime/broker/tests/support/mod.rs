//! What the tests of the log share.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, BrokerError, Consumer, ConsumerOptions, Message, MessageId, Outgoing, Published, Publisher, StartAt,
    TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};

/// Longer than anything takes on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn topic() -> TopicName {
    "/test/topic".parse().expect("valid")
}

pub(crate) fn open(directory: &Path) -> Arc<EmbeddedBroker> {
    EmbeddedBroker::open(directory, EmbeddedOptions::default()).expect("opens")
}

/// Messages go with their last acknowledgement.
pub(crate) fn keeping_nothing() -> EmbeddedOptions {
    EmbeddedOptions {
        retention: RetentionOptions {
            keep: Duration::ZERO,
            ..RetentionOptions::default()
        },
        ..EmbeddedOptions::default()
    }
}

/// A broker with the topic on it.
pub(crate) async fn open_with_topic(directory: &Path, partitions: u32) -> Arc<EmbeddedBroker> {
    let broker = open(directory);
    create(&*broker, partitions).await;
    broker
}

pub(crate) async fn create(broker: &dyn Broker, partitions: u32) {
    let spec = TopicSpec {
        partitions,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    broker.create_topic(&topic(), spec).await.expect("creates the topic");
}

/// A record whose payload and id are `text`, with a key unless that is empty.
pub(crate) fn record(key: &str, text: &str) -> Outgoing {
    Outgoing {
        topic: topic(),
        key: (!key.is_empty()).then(|| Bytes::copy_from_slice(key.as_bytes())),
        payload: Bytes::copy_from_slice(text.as_bytes()),
        attributes: vec![("name".into(), "value".into())],
        id: RecordId::from_broker(text.to_owned()),
        schema: None,
    }
}

pub(crate) async fn try_publish(publisher: &dyn Publisher, records: Vec<Outgoing>) -> Result<Published, BrokerError> {
    publisher
        .publish(vec![records])
        .await
        .pop()
        .expect("one result for one group")
}

/// Publishes each in a separate group, `key:text` or `text`, and waits until all are durable.
pub(crate) async fn publish(broker: &dyn Broker, records: &[&str]) {
    let publisher = broker.publisher("test").await.expect("publisher");
    let groups = records.iter().map(|r| match r.split_once(':') {
        Some((key, text)) => vec![record(key, text)],
        None => vec![record("", r)],
    });
    for result in publisher.publish(groups.collect()).await {
        assert!(result.expect("published").durable);
    }
}

pub(crate) fn consumer_options(kind: SubscriptionType, consumer: &str) -> ConsumerOptions {
    ConsumerOptions {
        topic: topic(),
        subscription: "subscription".into(),
        subscription_type: kind,
        consumer: consumer.into(),
        start: StartAt::Earliest,
        unacknowledged_max: 100_000,
    }
}

pub(crate) async fn subscribe(broker: &dyn Broker, kind: SubscriptionType, consumer: &str) -> Box<dyn Consumer> {
    broker
        .subscribe(consumer_options(kind, consumer))
        .await
        .expect("subscribes")
}

/// Exactly `n` messages.
pub(crate) async fn receive(consumer: &mut dyn Consumer, n: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < n {
        let more = within(consumer.receive(n - messages.len())).await.expect("receives");
        assert!(!more.is_empty(), "receive returns something");
        messages.extend(more);
    }
    messages
}

/// Asserts that nothing can be received now, after giving a background read time to finish.
pub(crate) async fn receives_nothing(consumer: &mut dyn Consumer) {
    let nothing = tokio::time::timeout(Duration::from_millis(50), consumer.receive(10)).await;
    assert!(nothing.is_err(), "received {nothing:?}");
}

pub(crate) async fn ack(consumer: &dyn Consumer, messages: &[Message]) {
    within(consumer.acker().ack(&ids(messages)))
        .await
        .expect("acknowledges");
}

pub(crate) fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.message_id).collect()
}

pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| std::str::from_utf8(&message.payload).expect("text"))
        .collect()
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}
