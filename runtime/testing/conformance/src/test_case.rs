//! What all cases share: their own topic, and steps that must succeed.

use std::{
    future::Future,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, BrokerError, Consumer, ConsumerOptions, Message, MessageId, Outgoing, Published, Publisher, StartAt,
    TopicSpec,
};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName, clock};

use crate::{Capabilities, Harness};

/// Longer than any step takes on a loaded machine, including a lost session.
const DEADLINE: Duration = Duration::from_secs(90);

/// Waits, but not for ever.
#[track_caller]
pub fn within<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let waiting = Location::caller();
    async move {
        let waited = tokio::time::timeout(DEADLINE, future).await;
        waited.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {waiting}"))
    }
}

/// A running case.
pub(crate) struct TestCase<'h> {
    pub(crate) harness: &'h dyn Harness,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) topic: TopicName,
    pub(crate) can: Capabilities,
}

impl<'h> TestCase<'h> {
    /// Creates a topic with this number of partitions.
    pub(crate) async fn with_topic(harness: &'h dyn Harness, partitions: u32) -> Self {
        let case = Self::new(harness).await;
        case.create(partitions).await.expect("creates the topic");
        case
    }

    /// With the name of a topic that does not exist.
    pub(crate) async fn new(harness: &'h dyn Harness) -> Self {
        Self {
            harness,
            broker: harness.open().await,
            topic: unique("/default/conformance").parse().expect("valid"),
            can: harness.capabilities(),
        }
    }

    pub(crate) async fn create(&self, partitions: u32) -> Result<(), BrokerError> {
        let spec = TopicSpec {
            partitions,
            reliable_dispatch: true,
            ..TopicSpec::default()
        };
        within(self.broker.create_topic(&self.topic, spec)).await
    }

    /// A record whose payload and id are `text`, with a key unless that is empty.
    pub(crate) fn record(&self, key: &str, text: &str) -> Outgoing {
        Outgoing {
            topic: self.topic.clone(),
            key: (!key.is_empty()).then(|| Bytes::copy_from_slice(key.as_bytes())),
            payload: Bytes::copy_from_slice(text.as_bytes()),
            attributes: vec![("name".into(), "value".into())],
            id: RecordId::from_broker(format!("conformance:{text}")),
            schema: None,
        }
    }

    pub(crate) async fn publisher(&self) -> Arc<dyn Publisher> {
        within(self.broker.publisher("conformance")).await.expect("a publisher")
    }

    /// Publishes records one after the other, `key:text` or `text`, so that their order is the same on every broker.
    pub(crate) async fn publish(&self, records: &[&str]) {
        let publisher = self.publisher().await;
        for record in records {
            let (key, text) = record.split_once(':').unwrap_or(("", record));
            let group = vec![self.record(key, text)];
            publish_group(&*publisher, group).await.expect("published");
        }
    }

    pub(crate) fn options(&self, kind: SubscriptionType, consumer: &str) -> ConsumerOptions {
        ConsumerOptions {
            topic: self.topic.clone(),
            subscription: "subscription".into(),
            subscription_type: kind,
            consumer: consumer.into(),
            start: StartAt::Earliest,
            unacknowledged_max: self.can.window,
        }
    }

    pub(crate) async fn subscribe(&self, kind: SubscriptionType, consumer: &str) -> Box<dyn Consumer> {
        let options = self.options(kind, consumer);
        within(self.broker.subscribe(options)).await.expect("subscribes")
    }

    /// A consumer of another process.
    pub(crate) async fn subscribe_elsewhere(&self, kind: SubscriptionType, consumer: &str) -> Box<dyn Consumer> {
        let broker = self.harness.open().await;
        let options = self.options(kind, consumer);
        within(broker.subscribe(options)).await.expect("subscribes")
    }
}

/// A name that no other case and no earlier run uses.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{}-{n}", clock::now_ms(), std::process::id())
}

pub(crate) async fn publish_group(publisher: &dyn Publisher, group: Vec<Outgoing>) -> Result<Published, BrokerError> {
    let mut fates = within(publisher.publish(vec![group])).await;
    assert_eq!(fates.len(), 1, "one result for one group");
    fates.remove(0)
}

/// At least one message.
pub(crate) async fn receive_some(consumer: &mut dyn Consumer, max: usize) -> Vec<Message> {
    let messages = consumer.receive(max).await.expect("receives");
    assert!((1..=max).contains(&messages.len()), "{} of 1 to {max}", messages.len());
    messages
}

/// Exactly `n`, none of them acknowledged.
#[track_caller]
pub(crate) fn receive(consumer: &mut dyn Consumer, n: usize) -> impl Future<Output = Vec<Message>> {
    within(async move {
        let mut messages = Vec::new();
        while messages.len() < n {
            messages.extend(receive_some(consumer, n - messages.len()).await);
        }
        messages
    })
}

/// `n` different messages, each acknowledged as it arrives. Brokers may deliver one again before they have the
/// acknowledgement.
#[track_caller]
pub(crate) fn consume(consumer: &mut dyn Consumer, n: usize) -> impl Future<Output = Vec<Message>> {
    within(async move {
        let mut messages: Vec<Message> = Vec::new();
        while messages.len() < n {
            let more = receive_some(consumer, n).await;
            ack(consumer, &more).await;
            for message in more {
                if messages.iter().all(|known| known.id != message.id) {
                    messages.push(message);
                }
            }
        }
        messages
    })
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
    let text = |message: &'_ Message| std::str::from_utf8(&message.payload).map(str::len).is_ok();
    assert!(messages.iter().all(text), "payloads are text");
    messages
        .iter()
        .map(|message| std::str::from_utf8(&message.payload).unwrap_or_default())
        .collect()
}

pub(crate) fn sorted(mut texts: Vec<&str>) -> Vec<&str> {
    texts.sort_unstable();
    texts
}
