//! What the tests of spools share: a spool in front of a broker that can go wrong.
#![allow(dead_code, reason = "each test uses some of it")]

pub(crate) mod gated;
mod registry;
pub(crate) mod remote;
pub(crate) mod served;

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, BrokerError, Consumer, ConsumerOptions, ErrorKind, Message, MessageId, Outgoing, Published, StartAt,
    TopicSpec,
};
use danube_wasm_broker_spool::{Spool, SpoolOptions, SpoolStatus};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};
pub(crate) use remote::Remote;

/// Longer than anything takes on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// Longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn topic() -> TopicName {
    "/test/topic".parse().expect("valid")
}

pub(crate) fn other_topic() -> TopicName {
    "/test/other".parse().expect("valid")
}

pub(crate) fn spec() -> TopicSpec {
    TopicSpec {
        reliable_dispatch: true,
        ..TopicSpec::default()
    }
}

/// Nothing happens by itself: no record is safe, and no message is held.
pub(crate) fn options(directory: &Path) -> SpoolOptions {
    SpoolOptions {
        flush: NEVER,
        hold_max: NEVER,
        ..SpoolOptions::new(directory)
    }
}

/// The broker accepts records that are safe soon.
pub(crate) fn soon_safe(directory: &Path) -> SpoolOptions {
    SpoolOptions {
        flush: Duration::from_millis(5),
        ..options(directory)
    }
}

/// Messages are held soon.
pub(crate) fn soon_held(directory: &Path) -> SpoolOptions {
    SpoolOptions {
        hold_max: Duration::from_millis(5),
        ..options(directory)
    }
}

/// Opens a spool; one that was dropped a moment ago in the same directory may still be letting go of it.
pub(crate) async fn open(remote: &Remote, options: SpoolOptions) -> Arc<Spool> {
    within(async {
        loop {
            match Spool::open(Arc::new(remote.clone()), options.clone()).await {
                Ok(spool) => return spool,
                Err(error) => assert_eq!(error.kind, ErrorKind::Conflict, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

/// The same, with the topic declared.
pub(crate) async fn open_with_topic(remote: &Remote, options: SpoolOptions) -> Arc<Spool> {
    let spool = open(remote, options).await;
    spool.create_topic(&topic(), spec()).await.expect("creates the topic");
    spool
}

/// A record whose payload and id are `text`; `key:text` has a key.
pub(crate) fn record(text: &str) -> Outgoing {
    let key = text
        .split_once(':')
        .map(|(key, _)| Bytes::copy_from_slice(key.as_bytes()));
    Outgoing {
        topic: topic(),
        key,
        payload: Bytes::copy_from_slice(text.as_bytes()),
        attributes: vec![("name".into(), "value".into())],
        id: RecordId::from_broker(text.to_owned()),
        schema: None,
    }
}

pub(crate) async fn try_publish(broker: &dyn Broker, record: Outgoing) -> Result<Published, BrokerError> {
    let publisher = broker.publisher("producer").await?;
    within(publisher.publish(vec![vec![record]])).await.remove(0)
}

/// Publishes each in a separate group and waits until all are confirmed.
pub(crate) async fn publish<T: AsRef<str>>(broker: &dyn Broker, texts: &[T]) {
    let publisher = broker.publisher("producer").await.expect("publisher");
    let groups = texts.iter().map(|text| vec![record(text.as_ref())]).collect();
    for result in within(publisher.publish(groups)).await {
        assert!(result.expect("published").durable);
    }
}

pub(crate) fn consumer_options(kind: SubscriptionType) -> ConsumerOptions {
    ConsumerOptions {
        topic: topic(),
        subscription: "subscription".into(),
        subscription_type: kind,
        consumer: "consumer".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 1000,
    }
}

pub(crate) async fn subscribe(broker: &dyn Broker) -> Box<dyn Consumer> {
    let options = consumer_options(SubscriptionType::Exclusive);
    within(broker.subscribe(options)).await.expect("subscribes")
}

/// Exactly `n` messages.
pub(crate) async fn receive(consumer: &mut dyn Consumer, n: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < n {
        messages.extend(within(consumer.receive(n - messages.len())).await.expect("receives"));
    }
    messages
}

pub(crate) async fn ack(consumer: &dyn Consumer, messages: &[Message]) {
    within(consumer.acker().ack(&ids(messages)))
        .await
        .expect("acknowledges");
}

pub(crate) fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.message_id).collect()
}

pub(crate) fn texts(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| String::from_utf8(message.payload.to_vec()).expect("text");
    messages.iter().map(text).collect()
}

/// Waits until the spool says so, of this moment and to those who follow it.
pub(crate) async fn status(spool: &Spool, is: impl Fn(&SpoolStatus) -> bool) -> SpoolStatus {
    let said = async {
        loop {
            let now = spool.measure().await.expect("measures");
            if is(&now) {
                break now;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let mut followed = spool.status();
    match tokio::time::timeout(DEADLINE, said).await {
        Ok(said) => {
            within(followed.wait_for(|status| is(status)))
                .await
                .expect("the spool lives");
            said
        }
        Err(_) => panic!("the status stays {:?}", spool.measure().await),
    }
}

/// Waits until a condition holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        tokio::time::timeout(DEADLINE, waiting).await.is_ok(),
        "waited in vain until {what}"
    );
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}
