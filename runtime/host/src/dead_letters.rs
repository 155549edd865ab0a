//! Dead letters as an operator has them: kept until somebody deals with them, listed, shown, replayed, discarded.
//!
//! **Kept.** Every dead-letter topic has a subscription of the host's own, [`SUBSCRIPTION`], made before its connector
//! starts. What that subscription has not acknowledged is an open letter. In the embedded log that is all. Danube gives a
//! message only so often, ten at a time, and has no call that reads by place: there a task moves letters, as they come, to a
//! log of their own in the data directory (see [`moving`]). Processes that share a pipeline share its letters likewise: each
//! has those that it moved. Either way the open letters are in a log of this machine, which is read by offset without
//! acknowledging (see [`reading`]), however many there are.
//!
//! **Named.** The topic carries pipeline and connector. DeadLetters under the former name, which pipelines shared, are found: in
//! a log of this machine by their subscription, which has the same name; in Danube they are moved (see [`former`]).
//!
//! **Refused.** A record that a broker refuses behind a spool becomes a letter here (see [`refused`]).
//!
//! **Replayed.** A message is published once more to its topic as it was, for one connector, with its first publish time
//! (see [`replay`]); an event is offered once more to its source, which must run. Only when that is durable is the letter
//! closed. What fails again becomes a letter of the same id again.
//!
//! **Rehearsed.** What `dlq show --json` prints has all that it takes to call a component with the same input under the
//! same circumstances (see [`RecordedCall`]); `danube-wasm replay` does.

mod answer;
mod dead_letter;
mod former;
mod moving;
mod reading;
mod recorded_call;
mod refused;
mod replay;

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
    control::{self, Response},
};

pub use self::answer::{FAILED_AGAIN, KEPT};
pub(crate) use self::{
    dead_letter::readable,
    recorded_call::{Raw, RecordedCall, RecordedInput},
};
use self::{former::FormerTopic, refused::RefusedRecords};

/// The host's own subscription of each dead-letter topic.
pub const SUBSCRIPTION: &str = "danube-wasm-dlq";

/// Whoever makes that subscription, and consumes nothing.
const KEEPER: &str = "danube-wasm-dlq-keep";

/// How it is shared in a log of this process: one reader has everything that is open; others stand by.
const IN_OWN_LOG: SubscriptionType = SubscriptionType::Failover;
/// And in Danube, where Failover does not fail over (0.15): what a reader that is gone was not given goes to the next.
const IN_DANUBE: SubscriptionType = SubscriptionType::Shared;

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// All open letters, oldest first.
    Ls {
        /// Those of this connector only.
        connector: Option<String>,
    },
    /// One, with everything that is known of it.
    Show {
        /// As `ls` shows it, or the whole id.
        id: String,
    },
    /// Processes letters again.
    Replay {
        /// Which.
        which: Which,
        /// Who processes them.
        to: To,
        /// The sinks of the pipeline file, with the topics that they consume.
        sinks: BTreeMap<String, Vec<String>>,
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Closes letters unprocessed.
    Discard {
        /// Which.
        which: Which,
    },
}

impl Request {
    /// Whether more is asked than what is in the log of this machine: a schema of the broker's, or publishing again.
    fn needs_the_broker(&self) -> bool {
        match self {
            Self::Ls { .. } | Self::Discard { .. } => false,
            Self::Show { .. } => true,
            Self::Replay { dry_run, .. } => !dry_run,
        }
    }
}

/// Which letters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// As `ls` shows it, or the whole id.
    One(String),
    /// All of a connector, or of all.
    All {
        /// Of this connector; of all without.
        connector: Option<String>,
    },
}

/// Who processes a message again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// The connector whose letter it is.
    Own,
    /// Everybody who consumes its topic.
    All,
    /// This connector.
    Connector(String),
}

/// The open letters of a pipeline.
pub(crate) struct DeadLetters {
    /// Holds them.
    log: Arc<EmbeddedBroker>,
    /// Where messages are published again.
    broker: Arc<dyn Broker>,
    /// Whether letters have to be moved from `broker` to `log`.
    moves: bool,
    movers: Mutex<HashMap<TopicName, JoinHandle<()>>>,
    /// What makes letters of refused records, by the connector whose spool has them.
    refused: Mutex<HashMap<ConnectorId, JoinHandle<()>>>,
    /// Sources that run, as long as they do.
    sources: Mutex<HashMap<ConnectorId, Weak<dyn Intake>>>,
    /// One request at a time: a letter is with one reader.
    turn: Mutex<()>,
}

impl DeadLetters {
    /// The letters of a pipeline whose broker is open.
    pub(crate) async fn open(pipeline: &Pipeline, brokers: &Brokers) -> Result<Arc<Self>, Failure> {
        let (log, moves) = match brokers.log() {
            Some(log) => (log.clone(), false),
            None => (brokers::open_log(&log_of(pipeline), Default::default()).await?, true),
        };
        Ok(Arc::new(Self {
            log,
            broker: brokers.main().clone(),
            moves,
            movers: Mutex::default(),
            refused: Mutex::default(),
            sources: Mutex::default(),
            turn: Mutex::default(),
        }))
    }

    /// Keeps this connector's letters from now on; `topic` is its first one. A connector with a `buffer` starts without its
    /// broker: then letters are moved as soon as there is one.
    pub(crate) async fn keep(
        &self,
        id: &ConnectorId,
        topic: &TopicName,
        reader: &str,
        is_buffered: bool,
    ) -> Result<(), BrokerError> {
        let (topic, former) = (topic.dead_letters_of(id), topic.former_dead_letters_of(id));
        subscribe(&*self.log, &topic, KEEPER, IN_OWN_LOG, 1).await?;
        if !self.moves {
            return Ok(());
        }
        if self.movers.lock().await.contains_key(&topic) {
            return Ok(());
        }
        // Without the lock: a broker that does not answer for this topic holds up no other connector.
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
        let former = FormerTopic {
            from: self.broker.clone(),
            to: self.log.clone(),
            topic: former,
            own: id.clone(),
            reader: reader.to_owned(),
        };
        movers.insert(former.topic.clone(), tokio::spawn(former.run()));
        Ok(())
    }

    /// Makes letters of the records of this connector that the broker refuses behind its spool.
    pub(crate) async fn keep_refused(&self, id: &ConnectorId, spool: &Arc<Spool>, metrics: ConnectorMetrics) {
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

    /// Events of this source can be offered to it again while it runs.
    pub(crate) async fn runs(&self, id: &ConnectorId, source: Weak<dyn Intake>) {
        self.sources.lock().await.insert(id.clone(), source);
    }

    /// Answers what is asked of the process that has the letters open.
    pub async fn answer(&self, request: &Request) -> Result<Vec<Value>, Failure> {
        let _turn = self.turn.lock().await;
        answer::answer(self, request).await
    }

    /// Stops moving letters and lets go of their log, if it is one of its own.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        let movers: Vec<_> = self.movers.lock().await.drain().map(|(_, mover)| mover).collect();
        let keepers: Vec<_> = self.refused.lock().await.drain().map(|(_, keeper)| keeper).collect();
        for task in movers.into_iter().chain(keepers) {
            task.abort();
            // Gone before its log is.
            let _ = task.await;
        }
        match self.moves {
            true => self.log.close().await.map_err(Failure::internal),
            false => Ok(()),
        }
    }
}

/// Asks the process that runs the pipeline, or opens its letters here if none does.
pub async fn ask(loaded: &Loaded, request: Request) -> Result<Vec<Value>, Failure> {
    let pipeline = &loaded.pipeline;
    match control::ask(&pipeline.data_dir, &control::Request::DeadLetters(request.clone())).await {
        Ok(Some(Response::Values(values))) => return Ok(values),
        Ok(Some(Response::Error(message))) => return Err(Failure::usage(message)),
        Ok(None) => {}
        Err(error) => {
            return Err(Failure::internal(format!(
                "the running process did not answer: {error}"
            )));
        }
    }
    let log = log_of(pipeline);
    // Looking for letters does not make a log.
    if !log.exists() {
        return Err(Failure::usage(format!(
            "{} is not there: name a pipeline file that has been run",
            log.display()
        )));
    }
    if request.needs_the_broker() && !matches!(pipeline.service_url, ServiceUrl::Embedded { .. }) {
        assemble::require_broker(loaded)?;
    }
    let brokers = Brokers::open(pipeline).await?;
    let letters = DeadLetters::open(pipeline, &brokers).await?;
    let answer = letters.answer(&request).await;
    let closed = letters.close().await.and(brokers.close().await);
    let values = answer?;
    closed.map(|()| values)
}

/// The sinks of a pipeline file, with their topics.
pub fn sinks(pipeline: &Pipeline) -> BTreeMap<String, Vec<String>> {
    let topics = |sink: &danube_wasm_config::Sink| {
        let mappings = sink.mappings().into_iter();
        mappings.map(|mapping| mapping.consumer.topic.to_string()).collect()
    };
    let sinks = pipeline.sinks.iter();
    sinks.map(|sink| (sink.id.to_string(), topics(sink))).collect()
}

/// The pipeline file of a `WHERE`.
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

/// Makes the topic and the host's subscription of it, and reads.
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
