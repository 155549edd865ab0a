//! Copying a whole log to another broker, with the positions of its subscriptions, while nothing runs: what is read of one,
//! and what another is given. Who does that is `danube-wasm-broker-migrate`.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{SubscriptionType, TopicName};

use crate::{Message, RegisteredSchema, Registry, Result, embedded::NoteKind};

/// A topic that is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedTopic {
    /// Its name.
    pub topic: TopicName,
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    /// Its subscriptions, by name.
    pub subscriptions: Vec<CopiedSubscription>,
}

/// A subscription whose position is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedSubscription {
    /// Its name.
    pub name: String,
    /// How its messages are shared.
    pub subscription_type: SubscriptionType,
}

/// A stored message, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// As it would be delivered.
    pub message: Message,
    /// For each subscription of its topic whether it has acknowledged it.
    pub acknowledged: Vec<bool>,
}

/// A note that a server of the log keeps: [`NoteKind`], what it is about, and its text.
pub type ServerNote = (NoteKind, String, String);

/// A log from which everything can be read.
#[async_trait]
pub trait CopySource: Send + Sync {
    /// Where it is, for people. Copies that go on are known by it.
    fn place(&self) -> String;

    /// Every topic with its subscriptions, by name. [`crate::ErrorKind::Conflict`] if somebody uses the log.
    async fn topics(&self) -> Result<Vec<CopiedTopic>>;

    /// Reads a partition from its oldest message to the newest that it had when the topics were listed.
    async fn read(&self, topic: &CopiedTopic, partition: u32) -> Result<Box<dyn PartitionReader>>;

    /// The versions of each schema subject, oldest first.
    async fn schemas(&self) -> Result<Vec<Vec<RegisteredSchema>>>;

    /// What a server of the log keeps in it beside messages.
    async fn notes(&self) -> Result<Vec<ServerNote>>;

    /// [`crate::ErrorKind::Conflict`] if the topic has changed since topics were listed.
    async fn check_unchanged(&self, topic: &CopiedTopic) -> Result<()>;
}

/// Reads one partition.
#[async_trait]
pub trait PartitionReader: Send {
    /// The next messages; none at the end. After an error the same ones are next.
    async fn next(&mut self) -> Result<Vec<StoredMessage>>;
}

/// How far a copy of a topic is, as its target remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyState {
    /// It is not complete: nothing but the copy may use the topic. With the place that it comes from.
    Unfinished(String),
    /// It is complete. With the place that it came from.
    Finished(String),
}

impl CopyState {
    /// As it is stored.
    pub fn text(&self) -> String {
        match self {
            Self::Unfinished(from) => format!("unfinished {from}"),
            Self::Finished(from) => format!("finished {from}"),
        }
    }

    /// From what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ')? {
            ("unfinished", from) => Some(Self::Unfinished(from.to_owned())),
            ("finished", from) => Some(Self::Finished(from.to_owned())),
            _ => None,
        }
    }
}

/// What a user of a topic is told whose copy is not complete; `what` can be deleted to begin anew.
pub fn unfinished_copy(topic: &TopicName, from: &str, what: &str) -> String {
    format!(
        "the topic {topic} is not copied completely from {from}: go on with `danube-wasm migrate-log … --resume`, or delete \
         {what}"
    )
}

/// A topic that a target has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTopic {
    /// Its name.
    pub topic: TopicName,
    /// How far its copy is, if it is one.
    pub copy: Option<CopyState>,
}

/// A record on its way into a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRecord {
    /// The index of its partition.
    pub partition: u32,
    /// The message; its schema is the target's.
    pub message: Message,
    /// The newest publish time of this and all records before it, in milliseconds since 1970-01-01 UTC: records of several
    /// partitions come one after the other, and not always by time.
    pub newest_ms: u64,
    /// For each subscription of its topic whether it has acknowledged it.
    pub acknowledged: Vec<bool>,
}

/// What a copy of a topic holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Messages that were there already.
    pub had: u64,
    /// Messages that were written now.
    pub written: u64,
    /// For each subscription how many acknowledged messages are delivered again, because the target cannot keep that many
    /// gaps in a position.
    pub again: Vec<u64>,
}

/// A broker that can be filled.
#[async_trait]
pub trait CopyTarget: Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// What it has. [`crate::ErrorKind::Conflict`] if somebody uses it.
    async fn topics(&self) -> Result<Vec<HeldTopic>>;

    /// Names of its schema subjects.
    async fn subjects(&self) -> Result<Vec<String>>;

    /// Its schema registry.
    fn registry(&self) -> Arc<dyn Registry>;

    /// An error if it would never take a topic like this with so many bytes of payloads.
    async fn check_topic(&self, topic: &CopiedTopic, bytes: u64) -> Result<()>;

    /// An error if it would never take this message.
    fn check_message(&self, message: &Message) -> Result<()>;

    /// Makes the topic, marked as unfinished, or goes on with it.
    async fn fill(&self, topic: &CopiedTopic, from: &str) -> Result<Box<dyn TopicWriter>>;

    /// Reads a partition of a topic that was filled, as [`CopySource::read`] does, also before the copy is finished.
    async fn read_back(&self, topic: &CopiedTopic, partition: u32) -> Result<Box<dyn PartitionReader>>;

    /// Keeps notes of a server; says how many it has no place for.
    async fn keep_notes(&self, notes: Vec<ServerNote>) -> Result<usize>;

    /// The copy of a topic is complete, and anybody may use it.
    async fn finish(&self, topic: &CopiedTopic, from: &str) -> Result<()>;
}

/// Fills one topic. Records come in the same order each time that a copy is started anew, so those that are there already
/// are known by their number.
#[async_trait]
pub trait TopicWriter: Send {
    /// Takes the next record.
    async fn push(&mut self, record: CopyRecord) -> Result<()>;

    /// All have come: makes them durable, and gives subscriptions their positions.
    async fn close(self: Box<Self>) -> Result<Copied>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_from_its_text() {
        for state in [
            CopyState::Unfinished("embedded:///a b".to_owned()),
            CopyState::Finished("nats://a:1".to_owned()),
        ] {
            assert_eq!(CopyState::parse(&state.text()), Some(state));
        }
        assert_eq!(CopyState::parse("something"), None);
    }
}
