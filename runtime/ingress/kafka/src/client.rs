//! Joins the group, session after session.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    event::Interests,
    upstream::{Connect, Notebook, Upstream, UpstreamError},
};
use tokio::sync::oneshot;

use crate::{
    config::Kafka,
    consumer::{ConsumerError, Librdkafka, Settings},
    counters::Counters,
    notes::Notes,
    registry::Registry,
    routes::Routes,
    topic_pattern::TopicPattern,
    upstream::KafkaUpstream,
    worker::{Worker, WorkerConfig, WorkerState},
};

/// What a source's sessions have in common.
pub(crate) struct Shared {
    pub(crate) connector: ConnectorId,
    pub(crate) config: Kafka,
    pub(crate) routes: Routes,
    pub(crate) wants: Interests,
    pub(crate) notes: Notes,
    /// Where the schemas of records are.
    pub(crate) registry: Option<Arc<Registry>>,
    counters: Counters,
}

/// See the module.
pub(crate) struct Client {
    shared: Arc<Shared>,
    epochs: Arc<AtomicU64>,
    has_read: AtomicBool,
}

/// What the polling thread is started with.
struct Start {
    kafka: Kafka,
    state: Arc<WorkerState>,
    config: WorkerConfig,
}

impl Client {
    pub(crate) fn new(
        connector: ConnectorId,
        config: Kafka,
        wants: Interests,
        notebook: Arc<dyn Notebook>,
        registry: Option<Registry>,
        counters: Counters,
    ) -> Self {
        let shared = Shared {
            connector,
            routes: Routes::new(&config.routes),
            wants,
            notes: Notes::new(notebook, config.group.clone(), config.reading.generation),
            registry: registry.map(Arc::new),
            counters,
            config,
        };
        Self {
            shared: Arc::new(shared),
            epochs: Arc::new(AtomicU64::new(0)),
            has_read: AtomicBool::new(false),
        }
    }

    async fn config(&self) -> Result<WorkerConfig, UpstreamError> {
        let config = &self.shared.config;
        Ok(WorkerConfig {
            connector: self.shared.connector.as_str().to_owned(),
            address: config.address(),
            group: config.group.clone(),
            reading: config.reading.clone(),
            noted: self.shared.notes.read().await?,
            epochs: self.epochs.clone(),
            counters: self.shared.counters.clone(),
        })
    }
}

/// The topics of all routes.
pub(crate) fn topics(kafka: &Kafka) -> Vec<TopicPattern> {
    kafka.routes.iter().map(|route| route.from.clone()).collect()
}

/// A member that has subscribed, once a broker answers and every topic is there.
fn join(connector: &str, kafka: &Kafka) -> Result<Librdkafka, ConsumerError> {
    let mut consumer = Librdkafka::new(&Settings::read(connector, kafka)?)?;
    let topics = topics(kafka);
    consumer.look_up(&topics)?;
    consumer.subscribe(&topics)?;
    Ok(consumer)
}

/// The polling thread, from joining to leaving.
fn poll(start: Start, joined: oneshot::Sender<Result<(), ConsumerError>>) {
    let Start { kafka, state, config } = start;
    let (consumer, outcome) = match join(&config.connector, &kafka) {
        Ok(consumer) => (Some(consumer), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // Else nobody waits for it any more.
    if joined.send(outcome).is_ok()
        && let Some(consumer) = consumer
    {
        Worker::new(consumer, state, config).run();
    }
}

#[async_trait]
impl Connect for Client {
    async fn connect(&self) -> Result<Box<dyn Upstream>, UpstreamError> {
        let state = Arc::new(WorkerState::default());
        let start = Start {
            kafka: self.shared.config.clone(),
            state: state.clone(),
            config: self.config().await?,
        };
        let (has_joined, joined) = oneshot::channel();
        let (has_ended, ended) = oneshot::channel();
        let at_end = state.clone();
        let polling = thread::Builder::new().name("kafka-poll".to_owned()).spawn(move || {
            let polled = catch_unwind(AssertUnwindSafe(|| poll(start, has_joined)));
            if polled.is_err() {
                let message = "the thread that polls Kafka has panicked".to_owned();
                at_end.inbox.end(UpstreamError::Disconnected { message });
            }
            // Nobody may be waiting.
            let _ = has_ended.send(());
        });
        let transient = |message: String| UpstreamError::Transient {
            message,
            retry_after: None,
        };
        polling.map_err(|error| transient(format!("no thread to poll Kafka with: {error}")))?;
        let joined = joined
            .await
            .map_err(|_| transient("the thread that polls Kafka has ended".to_owned()))?;
        let (address, has_read) = (self.shared.config.address(), self.has_read.load(Ordering::Acquire));
        joined.map_err(|error| error.into_upstream(&address, has_read))?;
        self.has_read.store(true, Ordering::Release);
        tracing::info!(connector = %self.shared.connector, brokers = address, group = self.shared.config.group, "subscribed");
        Ok(Box::new(KafkaUpstream::new(self.shared.clone(), state, ended)))
    }
}
