//! The log as one that is copied, or that another is copied into.

mod reading;
mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::TopicName;

use super::{
    broker::EmbeddedBroker,
    limits::PARTITIONS_MAX,
    notes::{self, NoteKind},
    record,
    registry::EmbeddedRegistry,
    shared::{Shared, blocking, conflict},
    topic::Topic,
};
use crate::{
    Broker, BrokerError, ErrorKind, Message, Outgoing, RegisteredSchema, Registry, Result,
    copying::{
        CopiedSubscription, CopiedTopic, CopySource, CopyState, CopyTarget, HeldTopic, PartitionReader, ServerNote,
        TopicWriter, unfinished_copy,
    },
    record_bytes_max,
};

/// An error if a topic is not copied completely into the log.
pub(super) fn refuse_unfinished(shared: &Shared) -> Result<()> {
    let notes = shared.read(notes::all)?;
    for (kind, topic, text) in notes {
        if let (NoteKind::Copy, Some(CopyState::Unfinished(from))) = (kind, CopyState::parse(&text)) {
            let place = shared.store.directory().display();
            return Err(conflict(match topic.parse() {
                Ok(topic) => format!(
                    "the log in {place}: {}",
                    unfinished_copy(&topic, &from, "this directory")
                ),
                Err(_) => format!("the log in {place} is not copied completely from {from}"),
            }));
        }
    }
    Ok(())
}

impl EmbeddedBroker {
    async fn all_notes(&self) -> Result<Vec<ServerNote>> {
        blocking(self.shared(), notes::all).await
    }

    fn all_topics(&self) -> Vec<Arc<Topic>> {
        let mut topics: Vec<_> = self.shared().topics.read().values().cloned().collect();
        topics.sort_by(|one, other| one.name.cmp(&other.name));
        topics
    }
}

#[async_trait]
impl CopySource for EmbeddedBroker {
    fn place(&self) -> String {
        format!("embedded://{}", self.shared().store.directory().display())
    }

    async fn topics(&self) -> Result<Vec<CopiedTopic>> {
        let copied = |topic: Arc<Topic>| {
            let mut subscriptions: Vec<_> = topic
                .subscriptions()
                .iter()
                .map(|subscription| CopiedSubscription {
                    name: subscription.name.clone(),
                    subscription_type: subscription.dispatcher.lock().kind(),
                })
                .collect();
            subscriptions.sort_by(|one, other| one.name.cmp(&other.name));
            CopiedTopic {
                topic: topic.name.clone(),
                partitions: topic.partitions(),
                subscriptions,
            }
        };
        Ok(self.all_topics().into_iter().map(copied).collect())
    }

    async fn read(&self, topic: &CopiedTopic, partition: u32) -> Result<Box<dyn PartitionReader>> {
        Ok(Box::new(reading::Reader::new(
            self.shared().clone(),
            topic,
            partition as usize,
        )?))
    }

    async fn schemas(&self) -> Result<Vec<Vec<RegisteredSchema>>> {
        let registry = Broker::registry(self);
        let mut found = Vec::new();
        for subject in EmbeddedBroker::subjects(self).await? {
            found.push(registry.versions(&subject).await?);
        }
        Ok(found)
    }

    async fn notes(&self) -> Result<Vec<ServerNote>> {
        let mut notes = self.all_notes().await?;
        notes.retain(|(kind, ..)| *kind != NoteKind::Copy);
        Ok(notes)
    }

    /// This process alone has it open.
    async fn check_unchanged(&self, _: &CopiedTopic) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl CopyTarget for EmbeddedBroker {
    fn place(&self) -> String {
        CopySource::place(self)
    }

    async fn topics(&self) -> Result<Vec<HeldTopic>> {
        let notes = self.all_notes().await?;
        let state = |topic: &TopicName| {
            let of_topic = |(kind, name, _): &&ServerNote| *kind == NoteKind::Copy && name == topic.as_str();
            let note = notes.iter().find(of_topic);
            note.and_then(|(_, _, text)| CopyState::parse(text))
        };
        let held = |topic: Arc<Topic>| HeldTopic {
            copy: state(&topic.name),
            topic: topic.name.clone(),
        };
        Ok(self.all_topics().into_iter().map(held).collect())
    }

    async fn subjects(&self) -> Result<Vec<String>> {
        EmbeddedBroker::subjects(self).await
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(EmbeddedRegistry(self.shared().clone()))
    }

    async fn check_topic(&self, topic: &CopiedTopic, _: u64) -> Result<()> {
        match topic.partitions <= PARTITIONS_MAX {
            true => Ok(()),
            false => Err(conflict(format!(
                "topic {} has {} partitions; an embedded log allows {PARTITIONS_MAX}",
                topic.topic, topic.partitions
            ))),
        }
    }

    fn check_message(&self, message: &Message) -> Result<()> {
        let bytes = record::encode(&message.producer, &Outgoing::from(message)).len();
        let limit = record_bytes_max(&message.topic, self.shared().options.record_bytes_max);
        match bytes <= limit {
            true => Ok(()),
            false => Err(BrokerError::new(
                ErrorKind::TooLarge,
                format!(
                    "record {} of {} has {bytes} bytes with its key and attributes; an embedded log takes {limit}",
                    message.id, message.topic
                ),
            )),
        }
    }

    async fn fill(&self, topic: &CopiedTopic, from: &str) -> Result<Box<dyn TopicWriter>> {
        let state = CopyState::Unfinished(from.to_owned()).text();
        self.set_note(NoteKind::Copy, topic.topic.as_str(), &state).await?;
        let spec = crate::TopicSpec {
            partitions: topic.partitions,
            ..crate::TopicSpec::default()
        };
        self.create_topic(&topic.topic, spec).await?;
        Ok(Box::new(writing::Writer::new(self.shared().clone(), topic)?))
    }

    async fn read_back(&self, topic: &CopiedTopic, partition: u32) -> Result<Box<dyn PartitionReader>> {
        self.read(topic, partition).await
    }

    async fn keep_notes(&self, notes: Vec<ServerNote>) -> Result<usize> {
        for (kind, name, text) in notes {
            self.set_note(kind, &name, &text).await?;
        }
        Ok(0)
    }

    async fn finish(&self, topic: &CopiedTopic, from: &str) -> Result<()> {
        let state = CopyState::Finished(from.to_owned()).text();
        self.set_note(NoteKind::Copy, topic.topic.as_str(), &state).await
    }
}
