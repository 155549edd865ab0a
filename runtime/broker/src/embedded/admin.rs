//! Administration of the log. Changes go through the writer, in its order and as durable as a publish; reports are read
//! from one snapshot.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_model::TopicName;
use redb::{ReadTransaction, ReadableTable};

use super::{
    fault::Fault,
    queue::{Alteration, Command},
    shared::{Shared, blocking},
    tables::{HEADS, Head, TOPICS},
    topic::Topic,
};
use crate::{Admin, Result, SeekReport, SeekTo, SubscriptionInfo, TopicInfo};

/// See [`Admin`]. After a deletion a consumer's next [`receive`](crate::Consumer::receive) and
/// [`ack`](crate::Acker::ack) and a producer's next publish are [`ErrorKind::NotFound`].
pub(super) struct EmbeddedAdmin(pub(super) Arc<Shared>);

impl EmbeddedAdmin {
    async fn alter(&self, alteration: Alteration) -> Result<()> {
        self.0.send(|reply| Command::Alter { alteration, reply }).await
    }
}

#[async_trait]
impl Admin for EmbeddedAdmin {
    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        let sizes = blocking(&self.0, read_sizes).await?;
        let topics = self.0.topics.read();
        let info = |(name, size): (TopicName, Size)| {
            let known = topics.get(&name);
            let mut subscriptions: Vec<String> = known
                .into_iter()
                .flat_map(|topic| topic.subscriptions())
                .map(|subscription| subscription.name.clone())
                .collect();
            subscriptions.sort();
            TopicInfo {
                topic: name,
                partitions: size.partitions,
                messages: Some(size.messages()),
                consumed: Some(known.map_or(0, |topic| size.consumed(topic))),
                bytes: Some(size.bytes()),
                subscriptions,
            }
        };
        Ok(sizes.into_iter().map(info).collect())
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let topic = self.0.topic(topic)?;
        self.alter(Alteration::DeleteTopic { topic }).await
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        self.0.queue.close_reason().map_or(Ok(()), Err)?;
        let topics = self.0.topics.read();
        let mut found = Vec::new();
        for topic in topics.values() {
            for subscription in topic.subscriptions() {
                let dispatcher = subscription.dispatcher.lock();
                found.push(SubscriptionInfo {
                    topic: topic.name.clone(),
                    subscription: subscription.name.clone(),
                    subscription_type: Some(dispatcher.kind()),
                    lag: Some(dispatcher.lag()),
                    consumers: dispatcher.consumers(),
                });
            }
        }
        found.sort_by(|a, b| (&a.topic, &a.subscription).cmp(&(&b.topic, &b.subscription)));
        Ok(found)
    }

    async fn seek(&self, topic: &TopicName, subscription: &str, to: SeekTo) -> Result<SeekReport> {
        let (topic, subscription) = self.0.subscription(topic, subscription)?;
        let seek = |reply| Command::Seek {
            topic,
            subscription,
            to,
            reply,
        };
        self.0.send(seek).await
    }

    async fn delete_subscription(&self, topic: &TopicName, subscription: &str) -> Result<()> {
        let (topic, subscription) = self.0.subscription(topic, subscription)?;
        self.alter(Alteration::DeleteSubscription { topic, subscription }).await
    }
}

struct Size {
    partitions: u32,
    heads: Vec<Head>,
}

impl Size {
    fn messages(&self) -> u64 {
        self.heads.iter().map(|head| head.next - head.first).sum()
    }

    fn bytes(&self) -> u64 {
        self.heads.iter().map(|head| head.bytes).sum()
    }

    /// Messages at the start of a partition that every subscription has acknowledged.
    fn consumed(&self, topic: &Topic) -> u64 {
        let subscriptions = topic.subscriptions();
        let partitions = self.heads.iter().enumerate();
        let consumed = partitions.map(|(index, head)| {
            let floors = subscriptions
                .iter()
                .map(|subscription| subscription.cursor(index).floor());
            let passed = floors.min().unwrap_or(0).min(head.next);
            passed.saturating_sub(head.first)
        });
        consumed.sum()
    }
}

fn read_sizes(transaction: &ReadTransaction) -> Result<BTreeMap<TopicName, Size>, Fault> {
    let heads = transaction.open_table(HEADS)?;
    let mut sizes = BTreeMap::new();
    for row in transaction.open_table(TOPICS)?.iter()? {
        let (name, row) = row?;
        let (partitions, first) = row.value();
        let name = name.value();
        let name = name
            .parse()
            .map_err(|e| Fault::Damaged(format!("a stored topic has no valid name: {e}")))?;
        let numbers = first..first + u64::from(partitions.max(1));
        let heads: Result<Vec<Head>, Fault> = numbers
            .map(|partition| {
                let row = heads.get(partition)?.map(|row| row.value());
                row.map_or(Ok(Head::default()), |row| Head::from_row(partition, row))
            })
            .collect();
        let size = Size {
            partitions,
            heads: heads?,
        };
        sizes.insert(name, size);
    }
    Ok(sizes)
}
