//! A log with everything in it that can be copied, and steps that must succeed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a failed test may end so; not every test uses all"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, Consumer, ConsumerOptions, Message, Outgoing, Result, SchemaRef, StartAt, TopicSpec,
    copying::{CopySource, CopyTarget},
    embedded::{EmbeddedBroker, EmbeddedOptions, RetentionOptions},
};
use danube_wasm_broker_migrate::{MigrationOptions, MigrationReport, migrate};
use danube_wasm_broker_nats::{Nats, NatsOptions};
use danube_wasm_model::{
    RecordId,
    SubscriptionType::{self, Exclusive, Failover, KeyShared, Shared},
    TopicName,
    identity::ORDER_ATTRIBUTE,
};
use danube_wasm_testkit::nats::NatsServer;

pub const DEADLINE: Duration = Duration::from_secs(180);

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

pub fn topic(name: &str) -> TopicName {
    format!("/default/{name}").parse().unwrap()
}

/// As `migrate-log` opens a log: nothing of it is dropped, also if it is not copied completely.
pub fn log(directory: &Path) -> Arc<EmbeddedBroker> {
    let options = EmbeddedOptions {
        retention: RetentionOptions::unlimited(),
        unfinished_copies: true,
        ..EmbeddedOptions::default()
    };
    EmbeddedBroker::open(directory, options).unwrap()
}

pub fn nats_options(server: &NatsServer) -> NatsOptions {
    let mut options = NatsOptions::new([server.url()]);
    (options.replicas, options.accept_loss) = (1, true);
    options.topic_bytes_max = 1 << 30;
    options.ack_wait = Duration::from_secs(2);
    options
}

pub fn nats(server: &NatsServer) -> Arc<Nats> {
    Nats::open(nats_options(server)).unwrap()
}

pub async fn copy(from: &dyn CopySource, to: &dyn CopyTarget, resume: bool) -> Result<MigrationReport> {
    let options = MigrationOptions { resume, dry_run: false };
    within(migrate(from, to, options, &|_| {})).await
}

/// What is left for each subscription, by topic: the ids of unacknowledged records.
pub type Left = std::collections::HashMap<(TopicName, String, SubscriptionType), BTreeSet<String>>;

/// The subscriptions of `/default/orders`.
pub const KINDS: [(&str, SubscriptionType); 5] = [
    ("all", Exclusive),
    ("late", Failover),
    ("some", Shared),
    ("by-key", KeyShared),
    ("new", Shared),
];

pub async fn subscribe(
    broker: &dyn Broker,
    topic: &TopicName,
    name: &str,
    kind: SubscriptionType,
) -> Box<dyn Consumer> {
    let options = ConsumerOptions {
        topic: topic.clone(),
        subscription: name.into(),
        subscription_type: kind,
        consumer: "c".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 4_000,
    };
    within(broker.subscribe(options)).await.unwrap()
}

pub async fn receive(consumer: &mut dyn Consumer, number: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < number {
        messages.extend(within(consumer.receive(number - messages.len())).await.unwrap());
    }
    messages
}

pub async fn ack(consumer: &dyn Consumer, messages: &[&Message]) {
    let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
    within(consumer.acker().ack(&ids)).await.unwrap();
}

fn record(topic: &TopicName, n: usize, schema: Option<SchemaRef>) -> Outgoing {
    let key = match n % 10 {
        0 => None,
        1 => Some(Bytes::new()),
        2 => Some(Bytes::from(vec![0, 255, n as u8 % 3])),
        other => Some(Bytes::from(format!("key-{other}"))),
    };
    let mut attributes = vec![
        ("plain".to_owned(), n.to_string()),
        ("ä: b".to_owned(), " blank \n".to_owned()),
    ];
    // Of another program: without a stamp.
    if !n.is_multiple_of(7) {
        attributes.push((ORDER_ATTRIBUTE.to_owned(), (1_000_000 + n).to_string()));
    }
    Outgoing {
        topic: topic.clone(),
        key,
        payload: Bytes::from(format!("{n}:{}", "x".repeat(n % 200))),
        attributes,
        id: RecordId::from_broker(format!("p/c:{n}.0")),
        schema,
    }
}

pub async fn fill_topic(broker: &dyn Broker, topic: &TopicName, partitions: u32, records: usize) {
    let spec = TopicSpec {
        partitions,
        ..TopicSpec::default()
    };
    within(broker.create_topic(topic, spec)).await.unwrap();
    let schema = broker
        .registry()
        .versions("orders")
        .await
        .unwrap()
        .first()
        .map(|version| version.reference);
    for (n, chunk) in (0..records).collect::<Vec<_>>().chunks(500).enumerate() {
        let publisher = broker.publisher(&format!("producer {n}")).await.unwrap();
        let groups = chunk
            .iter()
            .map(|n| vec![record(topic, *n, schema.filter(|_| n % 3 == 0))]);
        for fate in within(publisher.publish(groups.collect())).await {
            fate.unwrap();
        }
    }
}

/// Publishes, subscribes and acknowledges; returns what is left.
pub async fn fill(log: &dyn Broker, records: usize) -> Left {
    let registry = log.registry();
    for (subject, definition) in [("other", "1"), ("orders", "{\"a\":1}"), ("orders", "{\"a\":2}")] {
        within(registry.register(subject, "json_schema", definition))
            .await
            .unwrap();
    }
    let (orders, plain, letters) = (topic("orders"), topic("plain"), topic("orders-dlq"));
    fill_topic(log, &orders, 3, records).await;
    fill_topic(log, &plain, 0, records / 10).await;
    fill_topic(log, &letters, 0, 5).await;
    let mut left = Left::new();
    for (name, kind) in KINDS {
        let mut consumer = subscribe(log, &orders, name, kind).await;
        let messages = receive(&mut *consumer, records).await;
        let acknowledged = |n: usize| match name {
            "all" => true,
            "late" => n < records / 4,
            "some" => n % 5 != 4 && n < records / 2,
            "by-key" => n < records / 3,
            _ => false,
        };
        let (acked, open): (Vec<_>, Vec<_>) = messages.iter().enumerate().partition(|(n, _)| acknowledged(*n));
        let acked: Vec<_> = acked.into_iter().map(|(_, message)| message).collect();
        ack(&*consumer, &acked).await;
        let open = open.into_iter().map(|(_, message)| message.id.to_string());
        left.insert((orders.clone(), name.to_owned(), kind), open.collect());
    }
    let mut consumer = subscribe(log, &letters, "dlq", Shared).await;
    let messages = receive(&mut *consumer, 5).await;
    ack(&*consumer, &[&messages[1], &messages[3]]).await;
    let open = [0, 2, 4].map(|n: usize| messages[n].id.to_string());
    left.insert((letters, "dlq".to_owned(), Shared), open.into());
    left
}

/// Consumes what each subscription has left: exactly that, with each key in order.
pub async fn expect_left(broker: &dyn Broker, left: &Left) {
    for ((topic, name, kind), ids) in left {
        let mut consumer = subscribe(broker, topic, name, *kind).await;
        let messages = receive(&mut *consumer, ids.len()).await;
        let received: BTreeSet<String> = messages.iter().map(|message| message.id.to_string()).collect();
        assert_eq!(&received, ids, "{name} of {topic}");
        let mut last = BTreeMap::<Bytes, usize>::new();
        for message in &messages {
            let number = |message: &Message| -> usize {
                let text = std::str::from_utf8(&message.payload).unwrap();
                text.split(':').next().unwrap().parse().unwrap()
            };
            if let (Some(key), true) = (message.key.clone(), *kind != Shared) {
                let before = last.insert(key, number(message));
                assert!(
                    before < Some(number(message)),
                    "{name}: {before:?} before {}",
                    number(message)
                );
            }
        }
        ack(&*consumer, &messages.iter().collect::<Vec<_>>()).await;
        let more = tokio::time::timeout(Duration::from_millis(300), consumer.receive(10)).await;
        assert!(more.is_err(), "{name} of {topic} gets {more:?}");
    }
}
