//! Servers of NATS, clients of them, and steps that must succeed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a failed test may end so; not every test uses all"
)]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use danube_wasm_broker::{
    Broker, Consumer, ConsumerOptions, ErrorKind, Message, Outgoing, Published, Publisher, Result, StartAt, TopicSpec,
};
use danube_wasm_broker_nats::{Nats, NatsOptions};
use danube_wasm_model::{RecordId, SubscriptionType, TopicName};
use danube_wasm_testkit::nats::NatsServer;

pub const DEADLINE: Duration = Duration::from_secs(120);

/// One server with a directory.
pub struct One {
    pub directory: tempfile::TempDir,
    pub server: NatsServer,
}

/// One server that syncs always, with more lines of configuration; says so if there is no executable.
pub fn one(more: &str) -> Option<One> {
    let directory = tempfile::tempdir().unwrap();
    let server = NatsServer::start(directory.path(), more)?;
    Some(One { directory, server })
}

/// Three servers as a cluster.
pub struct Three {
    pub directory: tempfile::TempDir,
    pub servers: Vec<NatsServer>,
}

pub fn three() -> Option<Three> {
    let directory = tempfile::tempdir().unwrap();
    let servers = NatsServer::start_cluster(directory.path(), 3, "")?;
    Some(Three { directory, servers })
}

impl Three {
    pub fn options(&self) -> NatsOptions {
        let mut options = NatsOptions::new(self.servers.iter().map(NatsServer::url));
        options.monitoring = self.servers.iter().map(NatsServer::monitoring_url).collect();
        options.publish_timeout = Duration::from_secs(60);
        options.request_timeout = Duration::from_secs(60);
        options.topic_bytes_max = 1 << 30;
        options
    }
}

/// Of one server whose loss is accepted.
pub fn options(server: &NatsServer) -> NatsOptions {
    let mut options = NatsOptions::new([server.url()]);
    (options.replicas, options.accept_loss) = (1, true);
    options.topic_bytes_max = 1 << 30;
    options.request_timeout = Duration::from_secs(5);
    options.publish_timeout = Duration::from_secs(5);
    options
}

pub fn open(options: NatsOptions) -> Arc<Nats> {
    Nats::open(options).unwrap()
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

pub fn topic(name: &str) -> TopicName {
    format!("/default/{name}").parse().unwrap()
}

pub async fn create(nats: &Nats, topic: &TopicName) {
    within(async {
        // The first stream of a cluster may have to wait for its leader.
        while let Err(error) = nats.create_topic(topic, TopicSpec::default()).await {
            assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

pub fn record(topic: &TopicName, key: Option<&str>, text: &str) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        payload: Bytes::copy_from_slice(text.as_bytes()),
        attributes: Vec::new(),
        id: RecordId::from_broker(text.to_owned()),
        schema: None,
    }
}

pub async fn publish(publisher: &dyn Publisher, groups: Vec<Vec<Outgoing>>) -> Vec<Result<Published>> {
    within(publisher.publish(groups)).await
}

pub async fn subscribe(nats: &Nats, topic: &TopicName, kind: SubscriptionType) -> Box<dyn Consumer> {
    let options = ConsumerOptions {
        topic: topic.clone(),
        subscription: "s".into(),
        subscription_type: kind,
        consumer: "c".into(),
        start: StartAt::Earliest,
        unacknowledged_max: 1_000,
    };
    within(nats.subscribe(options)).await.unwrap()
}

pub async fn ack(consumer: &dyn Consumer, messages: &[Message]) {
    let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
    within(async {
        while let Err(error) = consumer.acker().ack(&ids).await {
            assert!(error.is_transient(), "{error}");
        }
    })
    .await;
}

pub fn text(message: &Message) -> &str {
    std::str::from_utf8(&message.payload).unwrap()
}
