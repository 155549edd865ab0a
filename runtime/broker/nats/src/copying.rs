//! A cluster as a log that is copied, or that another is copied into.
//!
//! A copy is marked as unfinished in its stream, and nothing but the copy may use it. Its messages are stored in atomic
//! batches, each on the condition that the last sequence of the stream is the one before it: an interrupted copy, or a batch
//! whose fate is not known, is gone on with by the number of messages that are there.

mod acknowledge;
mod positions;
mod reading;
mod view;
mod writing;

pub(crate) use view::View;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{
    BrokerError, ErrorKind, Message, Outgoing, RegisteredSchema, Registry, Result, TopicSpec,
    copying::{
        CopiedTopic, CopySource, CopyState, CopyTarget, HeldTopic, PartitionReader, ServerNote, TopicWriter,
        unfinished_copy,
    },
};
use danube_wasm_model::TopicName;

use crate::{
    error::conflict, nats::Nats, publish::check_size, registry::NatsRegistry, topic::StreamInfo, wire::Outbound,
};

impl Nats {
    /// Every topic of this prefix; an error if somebody consumes one.
    async fn unused_topics(&self) -> Result<Vec<StreamInfo>> {
        self.check_promises().await?;
        let found = self.topics.list().await?;
        for info in &found {
            let Some((name, _)) = info.config.topic() else { continue };
            let topic = self.topics.look_up(&name).await?;
            for (subscription, consumers) in self.administration().by_subscription(&topic).await? {
                if consumers.iter().any(|consumer| consumer.num_waiting > 0) {
                    return Err(conflict(format!(
                        "the subscription {subscription} of {name} is being consumed: stop every pipeline that uses {} and \
                         wait half a minute, because nothing may run while a log is copied",
                        self.session.options.servers.join(",")
                    )));
                }
            }
        }
        Ok(found)
    }

    fn view(&self, topic: &TopicName) -> Option<Arc<View>> {
        self.views.lock().get(topic).cloned()
    }

    fn servers(&self) -> String {
        let options = &self.session.options;
        format!("{} (prefix `{}`)", options.servers.join(","), options.prefix)
    }
}

#[async_trait]
impl CopySource for Nats {
    fn place(&self) -> String {
        self.servers()
    }

    async fn topics(&self) -> Result<Vec<CopiedTopic>> {
        let mut found = Vec::new();
        for info in self.unused_topics().await? {
            let Some((name, _)) = info.config.topic() else { continue };
            if let Some(CopyState::Unfinished(from)) = info.config.copy() {
                return Err(conflict(unfinished_copy(&name, &from, "the topic")));
            }
            let topic = self.topics.get(&name).await?;
            self.holes.check(&topic).await?;
            found.push(view::look(self, &topic).await?.copied());
        }
        found.sort_by(|one, other| one.topic.cmp(&other.topic));
        Ok(found)
    }

    async fn read(&self, topic: &CopiedTopic, partition: u32) -> Result<Box<dyn PartitionReader>> {
        let view = self.view(&topic.topic);
        let view = view.ok_or_else(|| conflict(format!("the topic {} was not listed", topic.topic)))?;
        Ok(Box::new(reading::Reader::new(self.session.clone(), view, partition)))
    }

    async fn schemas(&self) -> Result<Vec<Vec<RegisteredSchema>>> {
        let registry = NatsRegistry(self.schemas.clone());
        let mut found = Vec::new();
        for subject in registry.subjects().await? {
            found.push(registry.versions(&subject).await?);
        }
        Ok(found)
    }

    /// NATS has no server of ours.
    async fn notes(&self) -> Result<Vec<ServerNote>> {
        Ok(Vec::new())
    }

    async fn check_unchanged(&self, topic: &CopiedTopic) -> Result<()> {
        let view = self.view(&topic.topic);
        let info = self.topics.info(&topic.topic).await?;
        let is_same =
            |view: &view::View| (view.first_seq, view.last_seq) == (info.state.first_seq, info.state.last_seq);
        match view.is_some_and(|view| is_same(&view)) {
            true => Ok(()),
            false => Err(conflict(format!(
                "the topic {} has changed while it was copied: stop every pipeline that uses it, then go on with `--resume`",
                topic.topic
            ))),
        }
    }
}

#[async_trait]
impl CopyTarget for Nats {
    fn place(&self) -> String {
        self.servers()
    }

    async fn topics(&self) -> Result<Vec<HeldTopic>> {
        let held = |info: StreamInfo| {
            let (topic, _) = info.config.topic()?;
            let copy = info.config.copy();
            Some(HeldTopic { topic, copy })
        };
        Ok(self.unused_topics().await?.into_iter().filter_map(held).collect())
    }

    async fn subjects(&self) -> Result<Vec<String>> {
        NatsRegistry(self.schemas.clone()).subjects().await
    }

    fn registry(&self) -> Arc<dyn Registry> {
        Arc::new(NatsRegistry(self.schemas.clone()))
    }

    async fn check_topic(&self, topic: &CopiedTopic, bytes: u64) -> Result<()> {
        let limit = self.session.options.topic_bytes_max;
        if bytes > limit {
            return Err(BrokerError::new(
                ErrorKind::Storage,
                format!(
                    "the topic {} has {bytes} bytes and may have {limit} in NATS: raise `topic_bytes_max`",
                    topic.topic
                ),
            ));
        }
        match self.topics.info(&topic.topic).await {
            Err(error) if error.kind == ErrorKind::NotFound => self.topics.refuse_overlap(&topic.topic).await,
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    fn check_message(&self, message: &Message) -> Result<()> {
        let outbound = outbound(String::new(), message, message.publish_time_ms);
        let checked = check_size(&self.session, &message.topic, &outbound);
        checked.map_err(|error| BrokerError::new(error.kind, format!("record {}: {}", message.id, error.message)))
    }

    async fn fill(&self, topic: &CopiedTopic, from: &str) -> Result<Box<dyn TopicWriter>> {
        let state = CopyState::Unfinished(from.to_owned());
        let spec = TopicSpec {
            partitions: topic.partitions,
            ..TopicSpec::default()
        };
        let info = self.topics.make_copy(&topic.topic, &spec, &state).await?;
        if info.config.copy() != Some(state) || info.config.topic() != Some((topic.topic.clone(), topic.partitions)) {
            return Err(conflict(format!(
                "the topic {} is in NATS already, and is not this copy: delete it first, or set another `prefix`",
                topic.topic
            )));
        }
        let known = self.topics.adopt(&topic.topic, info.clone())?;
        // Nothing uses it before the copy is complete; then it is looked up anew.
        self.topics.forget(&topic.topic);
        self.views.lock().remove(&topic.topic);
        let writer = writing::Writer::new(self.session.clone(), known, topic, &info).await?;
        Ok(Box::new(writer))
    }

    async fn read_back(&self, topic: &CopiedTopic, partition: u32) -> Result<Box<dyn PartitionReader>> {
        let view = match self.view(&topic.topic) {
            Some(view) => view,
            None => {
                let info = self.topics.info(&topic.topic).await?;
                let known = self.topics.adopt(&topic.topic, info)?;
                self.topics.forget(&topic.topic);
                view::look(self, &known).await?
            }
        };
        Ok(Box::new(reading::Reader::new(self.session.clone(), view, partition)))
    }

    async fn keep_notes(&self, notes: Vec<ServerNote>) -> Result<usize> {
        Ok(notes.len())
    }

    async fn finish(&self, topic: &CopiedTopic, from: &str) -> Result<()> {
        let state = CopyState::Finished(from.to_owned());
        self.topics.mark_copy(&topic.topic, &state).await
    }
}

/// A stored message as it is written here.
fn outbound(subject: String, message: &Message, newest_ms: u64) -> Outbound {
    Outbound::copied(
        subject,
        Outgoing::from(message),
        &message.producer,
        message.publish_time_ms,
        newest_ms,
    )
}
