//! The member of a group that librdkafka is.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rdkafka::{
    Offset, TopicPartitionList,
    config::FromClientConfigAndContext as _,
    consumer::{BaseConsumer, CommitMode, Consumer as _, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    message::Message as _,
    metadata::MetadataTopic,
    types::RDKafkaErrorCode as Code,
};

use super::{
    Committed, ConsumerError, ErrorKind, GroupConsumer, Partition, Polled, Record, Settings, committer::Committer,
    context::GroupContext,
};
use crate::{limits::ANSWER_MAX, topic_pattern::TopicPattern};

/// See the module.
pub(crate) struct Librdkafka {
    /// Ended before its client is.
    committer: Committer,
    consumer: Arc<BaseConsumer<GroupContext>>,
    /// Names of topics that records came from, each once.
    topics: HashMap<String, Arc<str>>,
}

impl Librdkafka {
    /// A client that has subscribed to nothing. No connection is made yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ConsumerError> {
        let context = GroupContext::new(settings.connector.clone(), settings.reads_committed);
        let consumer = BaseConsumer::from_config_and_context(&settings.client(), context);
        let consumer = Arc::new(consumer.map_err(|error| ConsumerError::of(&error, None))?);
        Ok(Self {
            committer: Committer::start(consumer.clone())?,
            consumer,
            topics: HashMap::new(),
        })
    }

    /// Whether a broker answers, and these topics are there: the first that is not, or how many partitions they have. Patterns are
    /// not looked up.
    pub(crate) fn look_up(&mut self, topics: &[TopicPattern]) -> Result<Vec<(TopicPattern, usize)>, ConsumerError> {
        let mut found = Vec::new();
        for topic in topics {
            let name = Some(topic.as_str()).filter(|_| !topic.is_pattern());
            let metadata = self.consumer.fetch_metadata(name, ANSWER_MAX);
            let metadata = metadata.map_err(|error| self.explained(&error))?;
            let mut these = metadata.topics().iter().filter(|one| topic.matches(one.name()));
            let count = match name {
                Some(_) => partitions(topic, these.next())?,
                None => these.map(|one| one.partitions().len()).sum(),
            };
            found.push((topic.clone(), count));
        }
        Ok(found)
    }

    /// Joins the group, for these topics.
    pub(crate) fn subscribe(&self, topics: &[TopicPattern]) -> Result<(), ConsumerError> {
        let names: Vec<_> = topics.iter().map(TopicPattern::subscription).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        said(self.consumer.subscribe(&names))
    }

    /// An error, with what the client has said meanwhile: the cause of a request that was not answered.
    fn explained(&mut self, error: &KafkaError) -> ConsumerError {
        let mut found = None;
        loop {
            match self.poll(Duration::from_millis(10)) {
                Polled::Failed(error) if matches!(error.kind, ErrorKind::Configuration | ErrorKind::NotAdmitted) => {
                    return error;
                }
                // The first says why; that all brokers are down follows from it.
                Polled::Failed(error) => found = found.or(Some(error)),
                Polled::Idle => break,
                _ => {}
            }
        }
        found.unwrap_or_else(|| ConsumerError::of(error, None))
    }

    fn polled(&mut self, wait: Duration) -> Option<Polled> {
        let polled = self.consumer.poll(wait)?;
        Some(match polled {
            Ok(message) => {
                let name = message.topic();
                let known = self.topics.get(name).cloned();
                let topic = known.unwrap_or_else(|| {
                    let topic: Arc<str> = name.into();
                    self.topics.insert(name.to_owned(), topic.clone());
                    topic
                });
                Polled::Record(Record::copy(&message, topic))
            }
            Err(error) if error.rdkafka_error_code() == Some(Code::AutoOffsetReset) => Polled::OutOfRange,
            Err(error) if error.rdkafka_error_code() == Some(Code::OffsetOutOfRange) => Polled::OutOfRange,
            Err(KafkaError::MessageConsumptionFatal(code)) => {
                let said = self.consumer.client().fatal_error().map(|(_, said)| said);
                let error = ConsumerError::of(&KafkaError::MessageConsumptionFatal(code), said);
                let kind = ErrorKind::Fenced;
                Polled::Failed(ConsumerError { kind, ..error })
            }
            Err(error) => Polled::Failed(ConsumerError::of(&error, self.consumer.context().said())),
        })
    }

    fn is_cooperative(&self) -> bool {
        matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
    }
}

impl Drop for Librdkafka {
    /// The client leaves the group, unless it has a name in it that stays.
    fn drop(&mut self) {
        self.consumer.context().close();
    }
}

impl GroupConsumer for Librdkafka {
    fn poll(&mut self, wait: Duration) -> Polled {
        if let Some(event) = self.consumer.context().next() {
            return event;
        }
        let polled = self.polled(wait);
        polled
            .or_else(|| self.consumer.context().next())
            .unwrap_or(Polled::Idle)
    }

    fn assign(&self, partitions: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        let list = with_offsets(partitions)?;
        said(match self.is_cooperative() {
            true => self.consumer.incremental_assign(&list),
            false => self.consumer.assign(&list),
        })
    }

    fn unassign(&self, partitions: &[Partition]) -> Result<(), ConsumerError> {
        said(match self.is_cooperative() {
            true => self.consumer.incremental_unassign(&without_offsets(partitions)),
            false => self.consumer.unassign(),
        })
    }

    fn is_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    /// A partition whose offset was out of range is fetched no more, and cannot be sought in: it is let go and taken again.
    fn seek(&self, partitions: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        let names: Vec<_> = partitions.iter().map(|(partition, _)| partition.clone()).collect();
        self.unassign(&names)?;
        self.assign(partitions)
    }

    fn pause(&self, partitions: &[Partition]) -> Result<(), ConsumerError> {
        said(self.consumer.pause(&without_offsets(partitions)))
    }

    fn resume(&self, partitions: &[Partition]) -> Result<(), ConsumerError> {
        said(self.consumer.resume(&without_offsets(partitions)))
    }

    fn committed(&self, partitions: &[Partition]) -> Result<Committed, ConsumerError> {
        let list = self.consumer.committed_offsets(without_offsets(partitions), ANSWER_MAX);
        let list = list.map_err(|error| ConsumerError::of(&error, self.consumer.context().said()))?;
        let each = list.elements().into_iter().map(|one| {
            said(one.error())?;
            let offset = match one.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            Ok((named(one.topic(), one.partition()), offset))
        });
        each.collect()
    }

    fn range(&self, partition: &Partition) -> Result<(i64, i64), ConsumerError> {
        let found = self
            .consumer
            .fetch_watermarks(&partition.topic, partition.number, ANSWER_MAX);
        found.map_err(|error| ConsumerError::of(&error, self.consumer.context().said()))
    }

    fn commit(&self, offsets: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        self.committer.commit(with_offsets(offsets)?)
    }

    fn commit_now(&self, offsets: &[(Partition, i64)]) -> Result<(), ConsumerError> {
        said(self.consumer.commit(&with_offsets(offsets)?, CommitMode::Sync))
    }
}

/// Offsets that a list has.
pub(super) fn offsets(list: &TopicPartitionList) -> Vec<(Partition, i64)> {
    let each = list.elements().into_iter();
    each.filter_map(|one| match one.offset() {
        Offset::Offset(offset) => Some((named(one.topic(), one.partition()), offset)),
        _ => None,
    })
    .collect()
}

fn partitions(topic: &TopicPattern, found: Option<&MetadataTopic>) -> Result<usize, ConsumerError> {
    let error = match found {
        Some(found) => found.error().map(|error| KafkaError::MetadataFetch(error.into())),
        None => Some(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)),
    };
    match (error, found) {
        (Some(error), _) => {
            let error = ConsumerError::of(&error, None);
            let message = format!("topic `{topic}`: {}", error.message);
            Err(ConsumerError { message, ..error })
        }
        (None, found) => Ok(found.map_or(0, |found| found.partitions().len())),
    }
}

fn named(topic: &str, number: i32) -> Partition {
    let topic = topic.into();
    Partition { topic, number }
}

fn without_offsets(partitions: &[Partition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.number);
    }
    list
}

fn with_offsets(partitions: &[(Partition, i64)]) -> Result<TopicPartitionList, ConsumerError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (partition, offset) in partitions {
        said(list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*offset)))?;
    }
    Ok(list)
}

fn said<T>(result: KafkaResult<T>) -> Result<T, ConsumerError> {
    result.map_err(|error| ConsumerError::of(&error, None))
}
