//! Dead letters of a pipeline: retained until an operator lists, shows, replays or discards them.
//!
//! **Retention.** Every dead-letter topic has a subscription of the host, [`SUBSCRIPTION`], created before its
//! connector starts. A dead letter is open until that subscription has acknowledged it. In the embedded log nothing
//! else is needed. Danube delivers a message only a limited number of times, ten at a time, and cannot read by offset:
//! there a task moves dead letters, as they arrive, to a local log in the data directory (see [`moving`]). Processes
//! that share a pipeline share its dead letters likewise: each has those that it moved. In both cases the open dead
//! letters are in a log on this machine, which is read by offset without acknowledging (see [`reading`]), however many
//! there are.
//!
//! **Names.** The topic contains the pipeline and the connector. Dead letters under the legacy name, which pipelines
//! shared, are found as well: in a local log by their subscription, which has the same name; in Danube they are moved
//! (see [`legacy`]).
//!
//! **Refused records.** A record that a broker refuses after a spool accepted it becomes a dead letter here (see
//! [`refused`]).
//!
//! **Replay.** A message is published again to its topic unchanged, for one connector, with its first publish time (see
//! [`redelivery`]); an event is offered again to its source, which must run. The dead letter is closed only when that
//! is durable. What fails again becomes a dead letter with the same id.
//!
//! **Offline replay.** `dlq show --json` prints everything that is needed to call a component with the same input
//! under the same circumstances (see [`RecordedCall`]), as `danube-wasm replay` does.

mod answer;
mod dead_letter;
mod legacy;
mod moving;
mod reading;
mod recorded_call;
mod redelivery;
mod refused;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Weak},
};

use danube_wasm_broker::{Broker, BrokerError, ConsumerOptions, StartAt, TopicSpec, embedded::EmbeddedBroker};
use danube_wasm_broker_spool::Spool;
use danube_wasm_config::{Loaded, Pipeline, ServiceUrl};
use danube_wasm_model::{ConnectorId, SubscriptionType, TopicName, door::Intake};
use danube_wasm_telemetry::ConnectorMetrics;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::Mutex, task::JoinHandle};

use crate::{
    Failure, assemble,
    brokers::{self, Brokers},
    control,
};

pub use self::answer::{FAILED_AGAIN, KEPT};
pub(crate) use self::{
    dead_letter::readable,
    recorded_call::{Raw, RecordedCall, RecordedInput},
};
use self::{legacy::LegacyTopic, refused::RefusedRecords};

/// The host's subscription of each dead-letter topic.
pub const SUBSCRIPTION: &str = "danube-wasm-dlq";

/// The consumer that creates that subscription and consumes nothing.
const SUBSCRIBER_NAME: &str = "danube-wasm-dlq-keep";

/// Subscription type in a log of this process: one reader gets all open dead letters, others stand by.
const LOCAL_SUBSCRIPTION_TYPE: SubscriptionType = SubscriptionType::Failover;
/// Subscription type in Danube, where Failover does not fail over (0.15): a new reader gets what the last one was not
/// given.
const DANUBE_SUBSCRIPTION_TYPE: SubscriptionType = SubscriptionType::Shared;

/// A request about dead letters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Lists open dead letters, oldest first.
    Ls {
        /// Only those of this connector.
        connector: Option<String>,
    },
    /// Shows everything about one dead letter.
    Show {
        /// The id as `ls` shows it, or the full id.
        id: String,
    },
    /// Processes dead letters again.
    Replay {
        /// Selection dead letters.
        which: Selection,
        /// Who processes them.
        to: Recipient,
        /// The sinks of the pipeline file, each with the topics that it consumes.
        sinks: BTreeMap<String, Vec<String>>,
        /// Only report what would be done.
        dry_run: bool,
    },
    /// Closes dead letters without processing them.
    Discard {
        /// Selection dead letters.
        which: Selection,
    },
}

impl Request {
    /// Whether the broker is needed, for its schemas or for publishing, and not only the log of this machine.
    fn needs_broker(&self) -> bool {
        match self {
            Self::Ls { .. } | Self::Discard { .. } => false,
            Self::Show { .. } => true,
            Self::Replay { dry_run, .. } => !dry_run,
        }
    }
}

/// Selects dead letters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// One, by the id that `ls` shows, or by the full id.
    One(String),
    /// All of a connector, or of all connectors.
    All {
        /// Only those of this connector.
        connector: Option<String>,
    },
}

/// Who processes a message again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The connector that could not process it.
    Own,
    /// Everyone who consumes its topic.
    All,
    /// This connector.
    Connector(String),
}

/// The open letters of a pipeline.
pub(crate) struct DeadLetters {
    /// The log that contains them.
    log: Arc<EmbeddedBroker>,
    /// Where messages are published again.
    broker: Arc<dyn Broker>,
    /// Whether dead letters have to be moved from `broker` to `log`.
    must_move: bool,
    movers: Mutex<HashMap<TopicName, JoinHandle<()>>>,
    /// Tasks that turn refused records into dead letters, by the connector that owns the spool.
    refused: Mutex<HashMap<ConnectorId, JoinHandle<()>>>,
    /// Running sources.
    sources: Mutex<HashMap<ConnectorId, Weak<dyn Intake>>>,
    /// Held during a request: only one reader may have a dead letter.
    request_lock: Mutex<()>,
}

impl DeadLetters {
    /// Opens the dead letters of a pipeline whose broker is open.
    pub(crate) async fn open(pipeline: &Pipeline, brokers: &Brokers) -> Result<Arc<Self>, Failure> {
        let (log, must_move) = match brokers.log() {
            Some(log) => (log.clone(), false),
            None => (brokers::open_log(&log_of(pipeline), Default::default()).await?, true),
        };
        Ok(Arc::new(Self {
            log,
            broker: brokers.main().clone(),
            must_move,
            movers: Mutex::default(),
            refused: Mutex::default(),
            sources: Mutex::default(),
            request_lock: Mutex::default(),
        }))
    }

    /// Collects the dead letters of a connector from now on; `topic` is its first topic. A connector with a `buffer`
    /// starts without its broker: then dead letters are moved as soon as the broker is available.
    pub(crate) async fn collect(
        &self,
        id: &ConnectorId,
        topic: &TopicName,
        reader: &str,
        is_buffered: bool,
    ) -> Result<(), BrokerError> {
        let (topic, former) = (topic.dead_letters_of(id), topic.former_dead_letters_of(id));
        subscribe(&*self.log, &topic, SUBSCRIBER_NAME, LOCAL_SUBSCRIPTION_TYPE, 1).await?;
        if !self.must_move {
            return Ok(());
        }
        if self.movers.lock().await.contains_key(&topic) {
            return Ok(());
        }
        // Without the lock, because a broker that does not answer for this topic must not delay other connectors.
        let consumer = match is_buffered {
            true => None,
            false => Some(moving::subscribe(&*self.broker, &topic, reader).await?),
        };
        let mover = moving::Mover {
            from: self.broker.clone(),
            to: self.log.clone(),
            topic: topic.clone(),
            reader: reader.to_owned(),
        };
        let mut movers = self.movers.lock().await;
        if movers.contains_key(&topic) {
            return Ok(());
        }
        movers.insert(topic, tokio::spawn(mover.run(consumer)));
        let former = LegacyTopic {
            from: self.broker.clone(),
            to: self.log.clone(),
            topic: former,
            own: id.clone(),
            reader: reader.to_owned(),
        };
        movers.insert(former.topic.clone(), tokio::spawn(former.run()));
        Ok(())
    }

    /// Turns records of this connector that the broker refuses after its spool accepted them into dead letters.
    pub(crate) async fn collect_refused(&self, id: &ConnectorId, spool: &Arc<Spool>, metrics: ConnectorMetrics) {
        let mut keepers = self.refused.lock().await;
        keepers.entry(id.clone()).or_insert_with(|| {
            let records = RefusedRecords {
                spool: spool.clone(),
                log: self.log.clone(),
                connector: id.clone(),
                metrics,
            };
            tokio::spawn(records.run())
        });
    }

    /// Registers a running source, so that its events can be offered again.
    pub(crate) async fn register_source(&self, id: &ConnectorId, source: Weak<dyn Intake>) {
        self.sources.lock().await.insert(id.clone(), source);
    }

    /// Executes a request in the process that has the dead letters open.
    pub async fn execute(&self, request: &Request) -> Result<Vec<Value>, Failure> {
        let _guard = self.request_lock.lock().await;
        answer::execute(self, request).await
    }

    /// Stops moving dead letters, and closes their log unless it is the broker's.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        let movers: Vec<_> = self.movers.lock().await.drain().map(|(_, mover)| mover).collect();
        let keepers: Vec<_> = self.refused.lock().await.drain().map(|(_, keeper)| keeper).collect();
        for task in movers.into_iter().chain(keepers) {
            task.abort();
            // The task must have ended before the log closes.
            let _ = task.await;
        }
        match self.must_move {
            true => self.log.close().await.map_err(Failure::internal),
            false => Ok(()),
        }
    }
}

/// Executes a request in the process that runs the pipeline, or here if none runs.
pub async fn execute(loaded: &Loaded, request: Request) -> Result<Vec<Value>, Failure> {
    let pipeline = &loaded.pipeline;
    match control::ask(&pipeline.data_dir, &control::Request::DeadLetters(request.clone())).await {
        Ok(Some(response)) => return response.into_values(),
        Ok(None) => {}
        Err(error) => {
            return Err(Failure::internal(format!(
                "the running process did not answer: {error}"
            )));
        }
    }
    let log = log_of(pipeline);
    // Looking for dead letters must not create a log.
    if !log.exists() {
        return Err(Failure::usage(format!(
            "{} is not there: name a pipeline file that has been run",
            log.display()
        )));
    }
    if request.needs_broker() && !matches!(pipeline.service_url, ServiceUrl::Embedded { .. }) {
        assemble::require_broker(loaded)?;
    }
    let brokers = Brokers::open(pipeline).await?;
    let letters = DeadLetters::open(pipeline, &brokers).await?;
    let answer = letters.execute(&request).await;
    let closed = letters.close().await.and(brokers.close().await);
    let values = answer?;
    closed.map(|()| values)
}

/// Returns the sinks of a pipeline file, each with its topics.
pub fn sinks(pipeline: &Pipeline) -> BTreeMap<String, Vec<String>> {
    let topics = |sink: &danube_wasm_config::Sink| {
        let mappings = sink.mappings().into_iter();
        mappings.map(|mapping| mapping.consumer.topic.to_string()).collect()
    };
    let sinks = pipeline.sinks.iter();
    sinks.map(|sink| (sink.id.to_string(), topics(sink))).collect()
}

/// Loads the pipeline file of a `WHERE` argument.
pub fn file(place: &std::path::Path) -> Result<Loaded, Failure> {
    if place.is_dir() {
        return Err(Failure::usage(format!(
            "{} is a directory: name the pipeline file, whose process has the letters of its connectors",
            place.display()
        )));
    }
    assemble::read_lazily(place)
}

fn log_of(pipeline: &Pipeline) -> PathBuf {
    match &pipeline.service_url {
        ServiceUrl::Embedded { dir } => dir.clone(),
        _ => pipeline.data_dir.join("letters"),
    }
}

/// Creates the topic and the host's subscription of it, and returns a consumer.
async fn subscribe(
    broker: &dyn Broker,
    topic: &TopicName,
    reader: &str,
    subscription_type: SubscriptionType,
    unacknowledged_max: usize,
) -> Result<Box<dyn danube_wasm_broker::Consumer>, BrokerError> {
    let spec = TopicSpec {
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    broker.create_topic(topic, spec).await?;
    let options = ConsumerOptions {
        topic: topic.clone(),
        subscription: SUBSCRIPTION.to_owned(),
        subscription_type,
        consumer: reader.to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max,
    };
    broker.subscribe(options).await
}
