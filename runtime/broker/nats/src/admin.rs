//! Administration: topics are streams, subscriptions are their consumers.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::{Admin, Result, SeekReport, SeekTo, SubscriptionInfo, TopicInfo};
use danube_wasm_model::TopicName;
use serde_json::{Value, json};

use crate::{
    consume::{ConsumerInfo, Durables},
    session::Session,
    stored::{self, Stored},
    topic::{StreamInfo, Topic, Topics},
};

/// See [`Admin`].
pub(crate) struct NatsAdmin {
    pub(crate) session: Arc<Session>,
    pub(crate) topics: Arc<Topics>,
}

/// The consumers of a topic by subscription.
pub(crate) type BySubscription = BTreeMap<String, Vec<ConsumerInfo>>;

impl NatsAdmin {
    pub(crate) fn durables<'s>(&'s self, topic: &'s Topic) -> Durables<'s> {
        Durables {
            session: &self.session,
            topic,
        }
    }

    pub(crate) async fn by_subscription(&self, topic: &Topic) -> Result<BySubscription> {
        let mut found = BySubscription::new();
        for info in self.durables(topic).list().await? {
            let name = info.subscription().unwrap_or_default().to_owned();
            found.entry(name).or_default().push(info);
        }
        Ok(found)
    }

    async fn topic_info(&self, info: &StreamInfo, name: TopicName, partitions: u32) -> Result<TopicInfo> {
        let topic = self.topics.look_up(&name).await?;
        let subscriptions = self.by_subscription(&topic).await?;
        let state = &info.state;
        let floors = subscriptions
            .values()
            .flatten()
            .map(|consumer| consumer.floor(state.last_seq));
        let passed = floors.min().unwrap_or(0);
        Ok(TopicInfo {
            topic: name,
            partitions,
            messages: Some(state.messages),
            consumed: Some((passed + 1).saturating_sub(state.first_seq).min(state.messages)),
            bytes: Some(state.bytes),
            subscriptions: subscriptions.into_keys().collect(),
        })
    }

    async fn target(&self, topic: &Topic, to: SeekTo, info: &StreamInfo) -> Result<u64> {
        let state = &info.state;
        Ok(match to {
            SeekTo::Earliest => state.first_seq.max(1),
            SeekTo::Latest => state.last_seq + 1,
            SeekTo::PublishTimeMs(ms) => stored::first_at_or_after(&self.session, &topic.stream, state, ms).await?,
        })
    }
}

#[async_trait]
impl Admin for NatsAdmin {
    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        let mut found = Vec::new();
        for info in self.topics.list().await? {
            if let Some((name, partitions)) = info.config.topic() {
                found.push(self.topic_info(&info, name, partitions).await?);
            }
        }
        found.sort_by(|one, other| one.topic.cmp(&other.topic));
        Ok(found)
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let known = self.topics.look_up(topic).await?;
        let call = format!("STREAM.DELETE.{}", known.stream);
        let _: Value = self
            .session
            .api(&call, &json!({}), &format!("deleting the topic {topic}"))
            .await?;
        self.topics.forget(topic);
        Ok(())
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        let mut found = Vec::new();
        for info in self.topics.list().await? {
            let Some((name, _)) = info.config.topic() else { continue };
            let topic = self.topics.look_up(&name).await?;
            for (subscription, consumers) in self.by_subscription(&topic).await? {
                found.push(SubscriptionInfo {
                    topic: name.clone(),
                    subscription,
                    subscription_type: consumers.first().and_then(ConsumerInfo::kind),
                    lag: Some(consumers.iter().map(ConsumerInfo::lag).sum()),
                    // The server knows of pulls, not of who they are.
                    consumers: Vec::new(),
                });
            }
        }
        found.sort_by(|a, b| (&a.topic, &a.subscription).cmp(&(&b.topic, &b.subscription)));
        Ok(found)
    }

    async fn seek(&self, topic: &TopicName, subscription: &str, to: SeekTo) -> Result<SeekReport> {
        let known = self.topics.get(topic).await?;
        let durables = self.durables(&known);
        let consumers = durables.existing(subscription).await?;
        let info = self.topics.info(topic).await?;
        let state = &info.state;
        let target = self.target(&known, to, &info).await?;
        let oldest: Option<Stored> = match state.messages {
            0 => None,
            _ => stored::get(&self.session, &known.stream, state.first_seq).await?,
        };
        let before: u64 = consumers.iter().map(ConsumerInfo::lag).sum();
        for consumer in &consumers {
            durables.reset(consumer, target).await?;
        }
        let after: u64 = durables
            .existing(subscription)
            .await?
            .iter()
            .map(ConsumerInfo::lag)
            .sum();
        let oldest_ms = oldest.map(|oldest| oldest.stored_ms);
        let reaches = match to {
            SeekTo::Earliest => true,
            SeekTo::Latest => false,
            SeekTo::PublishTimeMs(ms) => oldest_ms.is_none_or(|oldest| ms <= oldest),
        };
        Ok(SeekReport {
            read_again: after.saturating_sub(before),
            left_out: before.saturating_sub(after),
            gone: if reaches { state.first_seq.saturating_sub(1) } else { 0 },
            oldest_ms,
        })
    }

    async fn delete_subscription(&self, topic: &TopicName, subscription: &str) -> Result<()> {
        let known = self.topics.get(topic).await?;
        let durables = self.durables(&known);
        for consumer in durables.existing(subscription).await? {
            durables.delete(&consumer.name).await?;
        }
        Ok(())
    }
}
