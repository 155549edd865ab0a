//! The source as a host runs it: its table read from a file's text, the pipeline's driver, the embedded log and its notebook. The component is
//! one that forwards everything.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker as _, ConsumerOptions, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions, Notebooks},
};
use danube_wasm_config::Loader;
use danube_wasm_connector::{
    Builtin, Context, Feed, Finding, Ingress, Notices, Pipeline, ProbeContext, Registry, SourceConfig, States,
};
use danube_wasm_ingress_kafka::KafkaSource;
use danube_wasm_model::{
    ConnectorId, SubscriptionType, TopicName,
    clock::OrderClock,
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{EventBatch, Interests, RecordBatch},
};
use danube_wasm_pipeline::{Instruments, PullParts, PullSource, RetryPolicy, SourceLimits, SourceParts, Status};
use danube_wasm_telemetry::{Metrics, Tracing};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch, time::Instant};

pub(crate) const TOPIC: &str = "/shop/orders";

/// What outlives the source's process: the log and what is noted in it.
pub(crate) struct Log {
    broker: Arc<EmbeddedBroker>,
    clock: Arc<OrderClock>,
    _dir: TempDir,
}

/// A record as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) key_bytes: Vec<u8>,
    pub(crate) order: u64,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A process with the source in it.
pub(crate) struct Process {
    runtime: Option<Runtime>,
    source: Arc<PullSource>,
    ingress: Arc<dyn Ingress>,
    gate: watch::Sender<bool>,
    metrics: Arc<Metrics>,
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

    /// Waits until there are so many different records, and gives all in their order, with those that are there twice.
    pub(crate) async fn records(&self, count: usize) -> Vec<Record> {
        self.until(&format!("{count} records are in the log"), |records| {
            records.iter().map(|record| &record.id).collect::<HashSet<_>>().len() >= count
        })
        .await
    }

    /// Waits for so many dead letters.
    pub(crate) async fn dead_letters(&self, count: usize) -> Vec<Record> {
        let topic: TopicName = TOPIC.parse().expect("a topic");
        let what = format!("{count} dead letters are kept");
        self.until_in(topic.dead_letters_of(&id()), &what, |letters| letters.len() >= count)
            .await
    }

    /// Waits until the records are as they should be.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        self.until_in(TOPIC.parse().expect("a topic"), what, holds).await
    }

    async fn until_in(&self, topic: TopicName, what: &str, holds: impl Fn(&[Record]) -> bool) -> Vec<Record> {
        let options = ConsumerOptions {
            topic,
            subscription: format!("test-{:?}", Instant::now()),
            subscription_type: SubscriptionType::Exclusive,
            consumer: "test".to_owned(),
            start: StartAt::Earliest,
            unacknowledged_max: 1 << 20,
        };
        let mut consumer = self.broker.subscribe(options).await.expect("a consumer");
        let mut records = Vec::new();
        let reading = async {
            while !holds(&records) {
                let messages = consumer.receive(1000).await.expect("messages");
                records.extend(messages.into_iter().map(|message| Record {
                    id: message.id.as_str().to_owned(),
                    order: message.order(),
                    key: String::from_utf8_lossy(message.key.as_deref().unwrap_or_default()).into_owned(),
                    key_bytes: message.key.clone().unwrap_or_default().to_vec(),
                    text: String::from_utf8_lossy(&message.payload).into_owned(),
                    attributes: message.attributes.into_iter().collect(),
                }));
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), reading).await.is_err() {
            panic!(
                "waited in vain until {what}; there are {}: {:#?}",
                records.len(),
                records.iter().rev().take(5).collect::<Vec<_>>()
            );
        }
        records
    }
}

/// Texts of the records.
pub(crate) fn texts_of(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.text.as_str()).collect()
}

/// Texts of the records, of each id once: what a sink makes of them.
pub(crate) fn texts_once(records: &[Record]) -> Vec<String> {
    let mut seen = HashSet::new();
    let first = records.iter().filter(|record| seen.insert(record.id.clone()));
    first.map(|record| record.text.clone()).collect()
}

/// The table of a source, as a pipeline file has it.
pub(crate) fn config(table: &str) -> SourceConfig {
    read(table).unwrap_or_else(|found| panic!("{found}"))
}

/// What is wrong with it.
pub(crate) fn errors(table: &str) -> String {
    read(table).err().unwrap_or_default()
}

fn read(table: &str) -> Result<SourceConfig, String> {
    let registry = Registry::default().with_source::<KafkaSource>(Builtin {
        name: "forward",
        component: b"",
    });
    let text = format!("[[sources]]\nname = \"orders\"\ncomponent = \"builtin:forward\"\n[sources.kafka]\n{table}");
    let environment = BTreeMap::new();
    let loaded = Loader::new(&registry, &environment).load_text(Path::new("pipeline.toml"), text);
    let loaded = loaded.map_err(|found| found.to_string())?;
    Ok(loaded.pipeline.sources[0].connector.clone())
}

/// The usual table: one topic, read by this group.
pub(crate) fn table(brokers: &str, group: &str, topic: &str, more: &str) -> String {
    table_of(brokers, group, more, &route(topic, ""))
}

/// One route, with these keys beside the usual ones.
pub(crate) fn route(topic: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    format!("{{ topic = \"{topic}\", danube_topic = \"{TOPIC}\"{comma}{more} }}")
}

/// With these routes.
pub(crate) fn table_of(brokers: &str, group: &str, more: &str, routes: &str) -> String {
    format!("brokers = [\"{brokers}\"]\ngroup = \"{group}\"\ncommit_interval_ms = 100\n{more}\nroutes = [{routes}]\n")
}

/// Who the source is.
pub(crate) fn id() -> ConnectorId {
    ConnectorId::try_new("test", "orders").expect("a name")
}

/// What `check --connect` finds.
pub(crate) async fn probe(table: &str) -> Vec<Finding> {
    let context = ProbeContext {
        id: id(),
        shared: Arc::new(States::default()),
        is_builtin: true,
        is_running: false,
    };
    config(table).probe(context).await
}

impl Process {
    /// The source runs on this log.
    pub(crate) async fn start(log: &Log, table: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (gate, open) = watch::channel(true);
        let metrics = Metrics::new().expect("metrics");
        let (config, broker) = (config(table), log.broker.clone());
        let guest = Forward::new(&config, open);
        let instruments = Instruments::new(metrics.connector(&id()), Tracing::default());
        let parts = parts(&config, guest, broker, log.clock.clone(), instruments);
        let notebook = Notebooks::of_log(log.broker.clone()).of(&id());
        let context = Context {
            id: id(),
            shared: Arc::new(States::default()),
            tracing: Tracing::new(None, &metrics).expect("no traces"),
            metrics: metrics.clone(),
            notices: Notices::new(drop),
            may_create: true,
            consumer: id().to_string(),
        };
        let starting = runtime.spawn(async move {
            let source = PullSource::start(parts).await.expect("it starts");
            let pipeline = Pipeline {
                feed: Feed::Pull(source.driver()),
                interests: Forward::interests_of_all(),
                notebook,
            };
            let ingress = config.start(context, pipeline).await.expect("it starts");
            (source, Arc::from(ingress))
        });
        let (source, ingress) = starting.await.expect("no panic");
        Self {
            runtime: Some(runtime),
            source,
            ingress,
            gate,
            metrics,
        }
    }

    /// The component takes nothing any more, so nothing gets durable.
    pub(crate) fn shut(&self) {
        self.gate.send_replace(false);
    }

    /// It takes events again.
    pub(crate) fn open(&self) {
        self.gate.send_replace(true);
    }

    /// It ends as it does when the operator stops it.
    pub(crate) async fn stop(mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        self.source.drain(deadline).await;
        self.ingress.close(deadline).await;
        self.end().await;
    }

    /// It ends as by `kill -9`: its sockets are closed, and nothing is said or written any more.
    pub(crate) async fn kill(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
            ended.await.expect("it ends");
        }
    }

    /// Its status now.
    pub(crate) fn now(&self) -> Status {
        self.source.status().borrow().clone()
    }

    /// Waits until its status is as it should be.
    pub(crate) async fn status(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        let mut status = self.source.status();
        let waited = tokio::time::timeout(Duration::from_secs(60), status.wait_for(|status| holds(status))).await;
        let now = self.source.status().borrow().clone();
        let found = waited.unwrap_or_else(|_| panic!("waited in vain until {what}: {now:?}"));
        found.expect("the source lives").clone()
    }

    /// It reads so many partitions.
    pub(crate) async fn reads(&self, partitions: usize) {
        danube_wasm_testkit::until(&format!("it reads {partitions} partitions"), || {
            (self.sum("danube_wasm_kafka_partitions{", "") == partitions).then_some(())
        })
        .await;
    }

    /// It was given at least so many partitions, since it started.
    pub(crate) async fn assigned(&self, partitions: usize) {
        danube_wasm_testkit::until(&format!("it was given {partitions} partitions"), || {
            (self.sum("danube_wasm_kafka_partitions_moved_total", "assigned") >= partitions).then_some(())
        })
        .await;
    }

    /// It has read so many records that are not durable.
    pub(crate) async fn holds(&self, records: usize) {
        danube_wasm_testkit::until(&format!("it holds {records} records"), || {
            (self.sum("danube_wasm_source_unconfirmed_messages", "") >= records).then_some(())
        })
        .await;
    }

    /// Records that are left to read, if that was measured.
    pub(crate) fn lag(&self) -> Option<usize> {
        let name = "danube_wasm_source_lag_messages{";
        let is_there = self.metrics.render().lines().any(|line| line.starts_with(name));
        is_there.then(|| self.sum(name, ""))
    }

    /// Waits until it has committed this.
    pub(crate) async fn commits(&self, brokers: &str, group: &str, topic: &str, offset: i64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while super::client::committed(brokers, group, topic, 1).await != [offset] {
            assert!(Instant::now() < deadline, "waited in vain until {offset} is committed");
        }
    }

    /// A metric, summed over the rows that have this in their labels.
    pub(crate) fn sum(&self, name: &str, labels: &str) -> usize {
        let text = self.metrics.render();
        let rows = text.lines().filter(|row| row.starts_with(name) && row.contains(labels));
        let values = rows.filter_map(|row| row.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>() as usize
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn parts(
    config: &SourceConfig,
    guest: Forward,
    broker: Arc<EmbeddedBroker>,
    clock: Arc<OrderClock>,
    instruments: Instruments,
) -> PullParts {
    let routes = config.routes().into_iter();
    PullParts {
        source: SourceParts {
            guest: Arc::new(guest),
            broker,
            ordered: HashSet::new(),
            validators: HashMap::new(),
            limits: SourceLimits::default(),
            on_invalid: routes.map(|route| (route.endpoint, route.on_invalid)).collect(),
            on_failure: HashMap::new(),
            retry_policy: RetryPolicy::default(),
            clock,
            instruments,
        },
        in_flight_bytes_max: 32 << 20,
        independent_keys: false,
    }
}

/// A component that makes a record of each event, with its attributes, headers and content type.
struct Forward {
    id: ConnectorId,
    configs: Vec<ProducerConfig>,
    open: watch::Receiver<bool>,
}

impl Forward {
    fn new(config: &SourceConfig, open: watch::Receiver<bool>) -> Self {
        let configs = config.routes().into_iter().map(|route| ProducerConfig {
            topic: route.topic,
            partitions: route.partitions,
            reliable_dispatch: route.reliable_dispatch,
        });
        Self {
            id: id(),
            configs: configs.collect(),
            open,
        }
    }

    fn interests_of_all() -> Interests {
        Interests::from_names(["ids", "keys", "attributes", "headers", "content-types"])
    }
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
        Self::interests_of_all()
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, _: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let mut open = self.open.clone();
        open.wait_for(|open| *open).await.expect("the test goes on");
        let mut records = RecordBatch::default();
        for i in 0..events.len() {
            records.topics.push(self.configs[0].topic.as_str());
            records.payloads.push_input(i as u32);
            records.keys.push(events.keys.get(i));
            let headers: Vec<_> = events
                .headers
                .get(i)
                .map(|(name, value)| (format!("header.{name}"), value))
                .collect();
            let headers = headers.iter().map(|(name, value)| (name.as_str(), *value));
            let content_type = [("content-type", events.content_types.get(i))];
            records
                .attributes
                .push(events.attributes.get(i).chain(headers).chain(content_type));
        }
        Ok(records)
    }
}
