//! Topics: a stream each, made with fixed settings and known by its metadata.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use danube_wasm_broker::{
    BrokerError, ErrorKind, Result, TopicSpec,
    copying::{CopyState, unfinished_copy},
};
use danube_wasm_model::TopicName;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    error::{STREAM_NAME_IN_USE, conflict, not_found},
    limits::BUCKETS,
    names,
    publish::Lane,
    session::Session,
};

const META_TOPIC: &str = "danube-wasm.topic";
const META_PARTITIONS: &str = "danube-wasm.partitions";
const META_BUCKETS: &str = "danube-wasm.buckets";
/// How far it is copied from another log.
const META_COPY: &str = "danube-wasm.copy";

/// A topic as this process uses it.
pub(crate) struct Topic {
    pub(crate) name: TopicName,
    pub(crate) stream: String,
    pub(crate) partitions: u32,
    /// Publishes to it, one unit after the other.
    pub(crate) lane: Lane,
    /// Whose turn it is of partitions, for records without a key.
    pub(crate) turn: AtomicU32,
    pub(crate) health: Arc<Health>,
}

/// What is known of a topic's stream.
pub(crate) struct Health {
    /// The last sequence that was acknowledged to this process.
    pub(crate) acknowledged: AtomicU64,
    /// Whether what it confirms is on the disks of most of at least three servers.
    pub(crate) durable: AtomicBool,
    /// Copies that it has.
    pub(crate) replicas: AtomicU32,
    /// Why nothing is delivered from it.
    pub(crate) damage: watch::Sender<Option<Damage>>,
}

/// Messages of a stream are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) message: Arc<str>,
    /// No server has them: it does not go away by itself.
    pub(crate) is_final: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            acknowledged: AtomicU64::new(0),
            durable: AtomicBool::new(false),
            replicas: AtomicU32::new(0),
            damage: watch::channel(None).0,
        }
    }
}

/// The topics that this process has met.
pub(crate) struct Topics {
    session: Arc<Session>,
    known: Mutex<HashMap<TopicName, Arc<Topic>>>,
    /// Whether every server is known to sync always.
    pub(crate) synced: Arc<AtomicBool>,
}

/// A stream as `STREAM.INFO` tells it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StreamInfo {
    pub(crate) config: StreamConfig,
    #[serde(default)]
    pub(crate) state: StreamState,
    #[serde(default)]
    pub(crate) cluster: Option<StreamCluster>,
}

/// Its settings, as far as they matter.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamConfig {
    pub(crate) name: String,
    pub(crate) subjects: Vec<String>,
    pub(crate) storage: String,
    pub(crate) retention: String,
    pub(crate) discard: String,
    pub(crate) num_replicas: u32,
    pub(crate) max_age: u64,
    pub(crate) max_msgs: i64,
    pub(crate) max_msgs_per_subject: i64,
    pub(crate) sealed: bool,
    pub(crate) no_ack: bool,
    pub(crate) allow_atomic: bool,
    pub(crate) persist_mode: Option<String>,
    pub(crate) mirror: Option<Value>,
    pub(crate) sources: Option<Value>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// What it holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamState {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) deleted: Option<Vec<u64>>,
}

/// Where it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StreamCluster {
    pub(crate) leader: Option<String>,
    pub(crate) replicas: Option<Vec<Replica>>,
}

/// A follower.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) current: bool,
    pub(crate) offline: bool,
    pub(crate) lag: u64,
}

impl StreamConfig {
    /// The topic and its number of partitions, if it is a topic of ours.
    pub(crate) fn topic(&self) -> Option<(TopicName, u32)> {
        let topic = self.metadata.get(META_TOPIC)?.parse().ok()?;
        Some((topic, self.metadata.get(META_PARTITIONS)?.parse().ok()?))
    }

    /// How far it is copied from another log, if it is a copy.
    pub(crate) fn copy(&self) -> Option<CopyState> {
        CopyState::parse(self.metadata.get(META_COPY)?)
    }

    /// What its settings would do to messages, if they are not those that it was made with.
    pub(crate) fn fault(&self, replicas_min: u32) -> Option<String> {
        let buckets = self.metadata.get(META_BUCKETS).and_then(|n| n.parse().ok());
        let faults = [
            (self.storage != "file", "keeps messages in memory (`storage`)"),
            (
                self.retention != "limits",
                "drops messages when they are read (`retention`)",
            ),
            (self.discard != "new", "drops old messages when it is full (`discard`)"),
            (self.max_age != 0, "drops messages by age (`max_age`)"),
            (self.max_msgs > 0, "drops messages by number (`max_msgs`)"),
            (
                self.max_msgs_per_subject > 0,
                "drops messages of a subject (`max_msgs_per_subject`)",
            ),
            (self.sealed, "is sealed"),
            (self.no_ack, "confirms nothing (`no_ack`)"),
            (!self.allow_atomic, "takes no atomic batches (`allow_atomic`)"),
            (
                self.persist_mode.as_deref() == Some("async"),
                "confirms before it writes (`persist_mode`)",
            ),
            (
                self.mirror.is_some() || self.sources.is_some(),
                "is fed from another stream (`mirror`, `sources`)",
            ),
            (
                self.num_replicas < replicas_min,
                "has fewer replicas than `replicas` asks for",
            ),
            (buckets != Some(BUCKETS), "was made with another number of buckets"),
        ];
        let found = faults.into_iter().find(|(is_there, _)| *is_there);
        found.map(|(_, what)| {
            let name = &self.name;
            format!("the stream {name} {what}: set it back with `nats stream edit {name}`, or use another `prefix`")
        })
    }
}

impl Topics {
    pub(crate) fn new(session: Arc<Session>, synced: Arc<AtomicBool>) -> Self {
        Self {
            session,
            known: Mutex::default(),
            synced,
        }
    }

    /// Those that this process has used.
    pub(crate) fn known(&self) -> Vec<Arc<Topic>> {
        self.known.lock().values().cloned().collect()
    }

    /// One that this process has used.
    pub(crate) fn peek(&self, topic: &TopicName) -> Option<Arc<Topic>> {
        self.known.lock().get(topic).cloned()
    }

    /// It is not there any more.
    pub(crate) fn forget(&self, topic: &TopicName) {
        self.known.lock().remove(topic);
    }

    /// Creates it, or confirms that it is there with as many partitions.
    pub(crate) async fn create(&self, topic: &TopicName, spec: &TopicSpec) -> Result<()> {
        let stream = names::stream(&self.session.options.prefix, topic);
        let doing = format!("creating the topic {topic}");
        match self.info(topic).await {
            Ok(info) => return self.confirm(topic, spec, info),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let config = self.config(topic, spec);
        let made = self
            .session
            .api_answer::<StreamInfo>(&format!("STREAM.CREATE.{stream}"), &config, &doing)
            .await?;
        match made {
            Ok(info) => self.confirm(topic, spec, info),
            Err(error) if error.err_code == STREAM_NAME_IN_USE => self.confirm(topic, spec, self.info(topic).await?),
            Err(error) => Err(error.explain(&doing)),
        }
    }

    fn config(&self, topic: &TopicName, spec: &TopicSpec) -> Value {
        let options = &self.session.options;
        let mut config = json!({
            "name": names::stream(&options.prefix, topic),
            "subjects": [names::subjects(&options.prefix, topic)],
            "storage": "file", "retention": "limits", "discard": "new", "num_replicas": options.replicas,
            "max_age": 0, "max_msgs": -1, "max_msgs_per_subject": -1, "max_msg_size": -1, "max_consumers": -1,
            "max_bytes": i64::try_from(options.topic_bytes_max).unwrap_or(i64::MAX),
            "allow_atomic": true, "allow_direct": true, "deny_delete": true,
            "duplicate_window": options.duplicate_window.as_nanos() as u64,
            "metadata": {
                META_TOPIC: topic.as_str(),
                META_PARTITIONS: spec.partitions.to_string(),
                META_BUCKETS: BUCKETS.to_string(),
            },
        });
        if !options.placement_tags.is_empty() {
            config["placement"] = json!({"tags": options.placement_tags});
        }
        config
    }

    fn confirm(&self, topic: &TopicName, spec: &TopicSpec, info: StreamInfo) -> Result<()> {
        let known = self.know(topic, info)?;
        match known.partitions == spec.partitions {
            true => Ok(()),
            false => Err(conflict(format!(
                "the topic {topic} has {} partitions, not {}: write that number, or use another topic",
                known.partitions, spec.partitions
            ))),
        }
    }

    /// What its stream says of itself.
    pub(crate) async fn info(&self, topic: &TopicName) -> Result<StreamInfo> {
        let stream = names::stream(&self.session.options.prefix, topic);
        let doing = format!("looking up the topic {topic}");
        let found: Result<StreamInfo> = self
            .session
            .api(
                &format!("STREAM.INFO.{stream}"),
                &json!({"deleted_details": true}),
                &doing,
            )
            .await;
        found.map_err(|error| match error.kind {
            ErrorKind::NotFound => {
                self.forget(topic);
                not_found(format!("there is no topic {topic} in NATS: create it first"))
            }
            _ => error,
        })
    }

    /// The topic, looked up at first use.
    pub(crate) async fn get(&self, topic: &TopicName) -> Result<Arc<Topic>> {
        let known = self.known.lock().get(topic).cloned();
        match known {
            Some(known) => Ok(known),
            None => self.know(topic, self.info(topic).await?),
        }
    }

    /// The same for an operator, who may also look at a copy that is not complete.
    pub(crate) async fn look_up(&self, topic: &TopicName) -> Result<Arc<Topic>> {
        match self.peek(topic) {
            Some(known) => Ok(known),
            None => self.adopt(topic, self.info(topic).await?),
        }
    }

    /// Makes the stream of a topic that another log is copied to, marked as unfinished, or confirms that it is there.
    pub(crate) async fn make_copy(&self, topic: &TopicName, spec: &TopicSpec, state: &CopyState) -> Result<StreamInfo> {
        let doing = format!("creating the topic {topic}");
        let mut config = self.config(topic, spec);
        config["metadata"][META_COPY] = json!(state.text());
        let call = format!("STREAM.CREATE.{}", names::stream(&self.session.options.prefix, topic));
        let made = self.session.api_answer::<StreamInfo>(&call, &config, &doing).await?;
        match made {
            Ok(info) => Ok(info),
            Err(error) if error.err_code == STREAM_NAME_IN_USE => self.info(topic).await,
            Err(error) => Err(error.explain(&doing)),
        }
    }

    /// Remembers in the stream how far its copy is.
    pub(crate) async fn mark_copy(&self, topic: &TopicName, state: &CopyState) -> Result<()> {
        let stream = names::stream(&self.session.options.prefix, topic);
        let doing = format!("marking the topic {topic}");
        let call = format!("STREAM.INFO.{stream}");
        let mut info: Value = self.session.api(&call, &json!({}), &doing).await?;
        let mut config = info["config"].take();
        config["metadata"][META_COPY] = json!(state.text());
        let call = format!("STREAM.UPDATE.{stream}");
        let _: Value = self.session.api(&call, &config, &doing).await?;
        self.forget(topic);
        Ok(())
    }

    /// The same as [`Topics::adopt`], but for a copy that is not complete.
    fn know(&self, topic: &TopicName, info: StreamInfo) -> Result<Arc<Topic>> {
        match info.config.copy() {
            Some(CopyState::Unfinished(from)) => Err(conflict(unfinished_copy(topic, &from, "the topic"))),
            _ => self.adopt(topic, info),
        }
    }

    /// Checks a stream's settings and remembers it.
    pub(crate) fn adopt(&self, topic: &TopicName, info: StreamInfo) -> Result<Arc<Topic>> {
        let stream = info.config.name.clone();
        let Some((_, partitions)) = info.config.topic().filter(|(name, _)| name == topic) else {
            return Err(conflict(format!(
                "the stream {stream} was made by another program: delete or rename it, or set another `prefix`"
            )));
        };
        let replicas_min = if self.session.options.accept_loss { 1 } else { 3 };
        if let Some(fault) = info
            .config
            .fault(replicas_min.min(self.session.options.replicas.max(1)))
        {
            return Err(BrokerError::new(ErrorKind::Conflict, fault));
        }
        let mut known = self.known.lock();
        if let Some(known) = known.get(topic).filter(|known| known.partitions == partitions) {
            return Ok(known.clone());
        }
        let health = Arc::new(Health::default());
        let durable = info.config.num_replicas >= 3 && self.synced.load(Ordering::Relaxed);
        health.durable.store(durable, Ordering::Relaxed);
        health.replicas.store(info.config.num_replicas, Ordering::Relaxed);
        let made = Arc::new(Topic {
            name: topic.clone(),
            lane: Lane::start(self.session.clone(), topic.clone(), stream.clone(), health.clone()),
            stream,
            partitions,
            turn: AtomicU32::new(0),
            health,
        });
        known.insert(topic.clone(), made.clone());
        Ok(made)
    }

    /// Whether another stream takes the subjects of a topic that is not there.
    pub(crate) async fn refuse_overlap(&self, topic: &TopicName) -> Result<()> {
        #[derive(Deserialize)]
        struct Names {
            #[serde(default)]
            streams: Option<Vec<String>>,
        }
        let subjects = names::subjects(&self.session.options.prefix, topic);
        let body = json!({"subject": subjects});
        let names: Names = self.session.api("STREAM.NAMES", &body, "looking for streams").await?;
        match names.streams.unwrap_or_default().first() {
            None => Ok(()),
            Some(stream) => Err(conflict(format!(
                "the stream {stream} takes the subjects {subjects}: set another `prefix`, or have that stream's \
                 subjects changed"
            ))),
        }
    }

    /// Every topic of this prefix.
    pub(crate) async fn list(&self) -> Result<Vec<StreamInfo>> {
        #[derive(Deserialize)]
        struct Page {
            total: usize,
            #[serde(default)]
            streams: Option<Vec<StreamInfo>>,
        }
        let filter = format!("{}.>", self.session.options.prefix);
        let mut found: Vec<StreamInfo> = Vec::new();
        let mut offset = 0;
        loop {
            let body = json!({"offset": offset, "subject": filter});
            let page: Page = self.session.api("STREAM.LIST", &body, "listing topics").await?;
            let streams = page.streams.unwrap_or_default();
            offset += streams.len();
            let is_last = streams.is_empty() || offset >= page.total;
            found.extend(streams.into_iter().filter(|info| info.config.topic().is_some()));
            if is_last {
                return Ok(found);
            }
        }
    }
}
