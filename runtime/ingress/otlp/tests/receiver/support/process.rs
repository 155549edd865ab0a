//! A process with the source in it: the pipeline, and the embedded log. The component is one that forwards everything.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker as _, ConsumerOptions, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_model::{
    ConnectorId, SubscriptionType,
    clock::OrderClock,
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{EventBatch, Interests, RecordBatch},
};
use danube_wasm_pipeline::{Instruments, RetryPolicy, Source, SourceLimits, SourceParts};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::receiver::{self, Host, Receiver};

/// What outlives the source's process.
pub(crate) struct Log {
    broker: Arc<EmbeddedBroker>,
    clock: Arc<OrderClock>,
    _dir: TempDir,
}

/// A record as it is in the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) body: serde_json::Value,
}

impl Log {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = OrderClock::system();
        let options = EmbeddedOptions {
            orders: Some(clock.clone()),
            ..EmbeddedOptions::default()
        };
        Self {
            broker: EmbeddedBroker::open(dir.path(), options).expect("a log"),
            clock,
            _dir: dir,
        }
    }

    /// Waits until there are so many different records of a topic, and gives all, with those that are there twice.
    pub(crate) async fn records(&self, topic: &str, count: usize) -> Vec<Record> {
        let options = ConsumerOptions {
            topic: topic.parse().expect("a topic"),
            subscription: format!("test-{:?}", tokio::time::Instant::now()),
            subscription_type: SubscriptionType::Exclusive,
            consumer: "test".to_owned(),
            start: StartAt::Earliest,
            unacknowledged_max: 1 << 20,
        };
        let mut consumer = self.broker.subscribe(options).await.expect("a consumer");
        let (mut records, mut ids) = (Vec::new(), HashSet::new());
        let reading = async {
            while ids.len() < count {
                for message in consumer.receive(1000).await.expect("messages") {
                    let id = message.id.as_str().to_owned();
                    ids.insert(id.clone());
                    let body = serde_json::from_slice(&message.payload).expect("JSON");
                    records.push(Record { id, body });
                }
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(120), reading).await;
        assert!(waited.is_ok(), "{} of {count} records", ids.len());
        records
    }
}

/// The source runs on a log.
pub(crate) struct Process {
    runtime: Option<Runtime>,
    pub(crate) receiver: Receiver,
}

impl Process {
    pub(crate) async fn start(log: &Log, table: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let parts = parts(table, log);
        let table = table.to_owned();
        let starting = runtime.spawn(async move {
            let source = Source::start(parts).await.expect("it starts");
            let receiver = Host::default().start(&table, source).await;
            receiver.unwrap_or_else(|error| panic!("{error}"))
        });
        let receiver = starting.await.expect("no panic");
        let runtime = Some(runtime);
        Self { runtime, receiver }
    }

    /// It ends as by `kill -9`: its sockets are closed, and nothing is said or written any more.
    pub(crate) async fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
            ended.await.expect("it ends");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn parts(table: &str, log: &Log) -> SourceParts {
    let config = receiver::config(table);
    let configs = config.routes().into_iter().map(|route| ProducerConfig {
        topic: route.topic,
        partitions: route.partitions,
        reliable_dispatch: route.reliable_dispatch,
    });
    SourceParts {
        guest: Arc::new(Forward {
            id: receiver::id(),
            configs: configs.collect(),
            topics: config
                .routes()
                .into_iter()
                .map(|route| (route.endpoint, route.topic.as_str().to_owned()))
                .collect(),
        }),
        broker: log.broker.clone(),
        ordered: HashSet::new(),
        validators: HashMap::new(),
        limits: SourceLimits::default(),
        on_invalid: HashMap::new(),
        on_failure: HashMap::new(),
        retry_policy: RetryPolicy::default(),
        clock: log.clock.clone(),
        instruments: Instruments::default(),
    }
}

/// A component that makes a record of each event.
struct Forward {
    id: ConnectorId,
    configs: Vec<ProducerConfig>,
    topics: BTreeMap<String, String>,
}

#[async_trait]
impl SourceGuest for Forward {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "forward"
    }

    fn lanes(&self) -> usize {
        1
    }

    fn interests(&self) -> Interests {
        Interests::from_names(["ids", "keys", "attributes"])
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, _: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let mut records = RecordBatch::default();
        for i in 0..events.len() {
            records.topics.push(&self.topics[events.endpoints.get(i)]);
            records.payloads.push_input(u32::try_from(i).expect("a small batch"));
            records.keys.push(events.keys.get(i));
            records.attributes.push(events.attributes.get(i));
        }
        Ok(records)
    }
}
