//! The topics that a spool publishes to and the subscriptions that it made, so that after a restart it continues before
//! any caller asks, and starts without the broker. Stored as messages in a topic of the log; the last entry for a topic
//! or subscription counts.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use danube_wasm_broker::{BrokerError, ErrorKind, Message, Outgoing, Result, TopicSpec};
use danube_wasm_model::{RecordId, TopicName};
use parking_lot::RwLock;

use crate::store::{self, Store};

/// See the module.
pub(crate) struct Catalog {
    store: Arc<Store>,
    /// Where it is kept.
    topic: TopicName,
    topics: RwLock<HashMap<TopicName, TopicSpec>>,
    held: RwLock<BTreeMap<(TopicName, String), TopicName>>,
    /// One writer at a time.
    writing: tokio::sync::Mutex<()>,
}

/// One entry.
enum Entry {
    Topic(TopicName, TopicSpec),
    Held(TopicName, String),
}

impl Catalog {
    /// Reads the catalog from the log.
    pub(crate) async fn open(store: Arc<Store>) -> Result<Self> {
        let catalog = Self {
            topic: store::catalog()?,
            store,
            topics: RwLock::default(),
            held: RwLock::default(),
            writing: tokio::sync::Mutex::default(),
        };
        let read = |message: Message| catalog.insert(Entry::decode(&message)?);
        catalog.store.read_all(&catalog.topic, read).await?;
        Ok(catalog)
    }

    /// The topics that are published to.
    pub(crate) fn topics(&self) -> Vec<(TopicName, TopicSpec)> {
        let topics = self.topics.read();
        topics
            .iter()
            .map(|(topic, spec)| (topic.clone(), spec.clone()))
            .collect()
    }

    /// The spec with which a topic was created.
    pub(crate) fn spec<T>(&self, topic: &TopicName, of: impl FnOnce(&TopicSpec) -> T) -> Option<T> {
        self.topics.read().get(topic).map(of)
    }

    /// Stores a topic durably.
    pub(crate) async fn remember(&self, topic: &TopicName, spec: &TopicSpec) -> Result<()> {
        let _one = self.writing.lock().await;
        if self.topics.read().get(topic) == Some(spec) {
            return Ok(());
        }
        self.add(Entry::Topic(topic.clone(), spec.clone())).await
    }

    /// The subscriptions that exist at the broker, and the log's topic of each for spilled messages.
    pub(crate) fn subscriptions(&self) -> Vec<((TopicName, String), TopicName)> {
        let held = self.held.read();
        held.iter().map(|(of, at)| (of.clone(), at.clone())).collect()
    }

    /// The log's topic for spilled messages of a subscription; `None` if the subscription was not made through this
    /// spool.
    pub(crate) fn spill_topic(&self, topic: &TopicName, subscription: &str) -> Option<TopicName> {
        self.held.read().get(&(topic.clone(), subscription.to_owned())).cloned()
    }

    /// Like [`Catalog::spill_topic`], but creates the topic if there is none. Call it only when the subscription exists
    /// at the broker.
    pub(crate) async fn ensure_spill_topic(&self, topic: &TopicName, subscription: &str) -> Result<TopicName> {
        let _one = self.writing.lock().await;
        if let Some(spill_topic) = self.spill_topic(topic, subscription) {
            return Ok(spill_topic);
        }
        let spill_topic = store::spill_topic(self.held.read().len())?;
        self.store.create(&spill_topic, 0).await?;
        self.add(Entry::Held(topic.clone(), subscription.to_owned())).await?;
        Ok(spill_topic)
    }

    async fn add(&self, entry: Entry) -> Result<()> {
        self.store.write(vec![entry.encode(&self.topic)]).await?;
        self.insert(entry)
    }

    fn insert(&self, entry: Entry) -> Result<()> {
        match entry {
            Entry::Topic(topic, spec) => drop(self.topics.write().insert(topic, spec)),
            Entry::Held(topic, subscription) => {
                let mut held = self.held.write();
                let spill_topic = store::spill_topic(held.len())?;
                held.entry((topic, subscription)).or_insert(spill_topic);
            }
        }
        Ok(())
    }
}

impl Entry {
    fn encode(&self, to: &TopicName) -> Outgoing {
        let mut attributes = Vec::new();
        let mut set = |name: &str, value: String| attributes.push((name.to_owned(), value));
        match self {
            Self::Topic(topic, spec) => {
                let TopicSpec {
                    partitions,
                    reliable_dispatch,
                    ordered,
                    schema_subject,
                } = spec;
                set("publish", topic.to_string());
                set("partitions", partitions.to_string());
                set("reliable-dispatch", reliable_dispatch.to_string());
                set("ordered", ordered.to_string());
                if let Some(subject) = schema_subject {
                    set("schema-subject", subject.clone());
                }
            }
            Self::Held(topic, subscription) => {
                set("consume", topic.to_string());
                set("subscription", subscription.clone());
            }
        }
        Outgoing {
            topic: to.clone(),
            key: None,
            payload: Bytes::new(),
            attributes,
            id: RecordId::from_broker("catalog".into()),
            schema: None,
        }
    }

    fn decode(message: &Message) -> Result<Self> {
        Self::parse(message).ok_or_else(|| {
            let message = format!(
                "the spool's catalog has an entry that this version does not know ({:?}): use the version that wrote it",
                message.attributes
            );
            BrokerError::new(ErrorKind::Incompatible, message)
        })
    }

    fn parse(message: &Message) -> Option<Self> {
        let get = |name: &str| {
            message
                .attributes
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        if let Some(topic) = get("publish") {
            let spec = TopicSpec {
                partitions: get("partitions")?.parse().ok()?,
                reliable_dispatch: get("reliable-dispatch")?.parse().ok()?,
                ordered: get("ordered")?.parse().ok()?,
                schema_subject: get("schema-subject").map(str::to_owned),
            };
            return Some(Self::Topic(topic.parse().ok()?, spec));
        }
        Some(Self::Held(
            get("consume")?.parse().ok()?,
            get("subscription")?.to_owned(),
        ))
    }
}
