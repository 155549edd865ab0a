//! Danube's admin API: a separate service, on another port than the client API.
//!
//! ```text
//! calls.rs   the calls      fold.rs   partitions as one topic      policy.rs   what becomes of unacknowledged messages
//! ```

mod calls;
mod listed;
mod policy;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::{Admin, BrokerError, ErrorKind, Result, SeekReport, SeekTo, SubscriptionInfo, TopicInfo};
use danube_wasm_model::TopicName;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{limits::ADMIN_CALLS_MAX, shared::Shared, wire::BrokerEndpoint};
use listed::{ListedTopic, group_partitions};
pub use policy::{FailurePolicy, Poison};

/// See [`Admin`]. Danube does not report how much a topic holds, the lag of a subscription, nor its consumers.
#[derive(Clone)]
pub(crate) struct DanubeAdmin {
    shared: Arc<Shared>,
    endpoint: BrokerEndpoint,
}

/// The subscriptions of a topic, each with one of the names it is on.
type Subscriptions = BTreeMap<String, TopicName>;

impl DanubeAdmin {
    /// `None` if the options have no admin URL.
    pub(crate) fn of(shared: &Arc<Shared>) -> Option<Self> {
        let address = shared.admin.clone()?;
        Some(Self {
            shared: shared.clone(),
            endpoint: BrokerEndpoint::direct(address),
        })
    }

    /// What was set for a subscription.
    pub(crate) async fn failure_policy(&self, topic: &TopicName, subscription: &str) -> Result<Option<FailurePolicy>> {
        let found = self.find(topic).await?;
        let name = self.subscriptions_on(&found).await?.remove(subscription);
        let name = name.ok_or_else(|| no_subscription(topic, subscription))?;
        Ok(self.policy(&name, subscription).await?.0)
    }

    async fn all(&self) -> Result<Vec<(ListedTopic, Subscriptions)>> {
        let mut topics = Vec::new();
        for namespace in self.namespaces().await? {
            topics.extend(group_partitions(&self.listed(&namespace).await?));
        }
        topics.sort_by(|a, b| a.topic.cmp(&b.topic));
        let with_subscriptions = |topic| async move {
            let subscriptions = self.subscriptions_on(&topic).await?;
            Ok((topic, subscriptions))
        };
        let asked = stream::iter(topics.into_iter().map(with_subscriptions));
        asked.buffered(ADMIN_CALLS_MAX).try_collect().await
    }

    async fn find(&self, topic: &TopicName) -> Result<ListedTopic> {
        find(&self.listed(topic.namespace()).await?, topic)
    }

    /// A standalone broker deletes partitions one by one. One of a cluster refuses that, and deletes them by the
    /// topic's name, together with those of every other topic whose name has this prefix.
    async fn delete_all(&self, found: &ListedTopic, listed: &[String]) -> Result<()> {
        if found.partitions > 0 {
            match self.delete_each(&found.names).await {
                Err(error) if error.message.contains("individual partition") => {}
                result => return result,
            }
        }
        match listed::deleted_with(found, listed) {
            None => self.delete(&found.topic).await,
            Some(other) => {
                let message = format!(
                    "deleting topic {} would delete {other} too: a Danube cluster takes every partition whose name begins \
                     so for one of this topic. Nothing was deleted",
                    found.topic
                );
                Err(BrokerError::new(ErrorKind::Conflict, message))
            }
        }
    }

    async fn delete_each(&self, names: &[TopicName]) -> Result<()> {
        for name in names {
            self.delete(name).await?;
        }
        Ok(())
    }

    async fn subscriptions_on(&self, topic: &ListedTopic) -> Result<Subscriptions> {
        let mut found = Subscriptions::new();
        for name in &topic.names {
            for subscription in self.subscriptions_of(name).await? {
                found.entry(subscription).or_insert_with(|| name.clone());
            }
        }
        Ok(found)
    }

    async fn describe(&self, topic: TopicName, subscription: String, name: &TopicName) -> Result<SubscriptionInfo> {
        let (_, subscription_type) = self.policy(name, &subscription).await?;
        Ok(SubscriptionInfo {
            topic,
            subscription,
            subscription_type,
            lag: None,
            consumers: Vec::new(),
        })
    }
}

#[async_trait]
impl Admin for DanubeAdmin {
    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        let info = |(found, subscriptions): (ListedTopic, Subscriptions)| TopicInfo {
            topic: found.topic,
            partitions: found.partitions,
            messages: None,
            consumed: None,
            bytes: None,
            subscriptions: subscriptions.into_keys().collect(),
        };
        Ok(self.all().await?.into_iter().map(info).collect())
    }

    async fn delete_topic(&self, topic: &TopicName) -> Result<()> {
        let listed = self.listed(topic.namespace()).await?;
        let found = find(&listed, topic)?;
        self.delete_all(&found, &listed).await?;
        self.shared.topics.remove(topic);
        Ok(())
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        let mut each = Vec::new();
        for (found, subscriptions) in self.all().await? {
            let of_topic = |(subscription, name)| (found.topic.clone(), subscription, name);
            each.extend(subscriptions.into_iter().map(of_topic));
        }
        let described = each
            .into_iter()
            .map(|(topic, subscription, name)| async move { self.describe(topic, subscription, &name).await });
        stream::iter(described).buffered(ADMIN_CALLS_MAX).try_collect().await
    }

    async fn seek(&self, topic: &TopicName, subscription: &str, _: SeekTo) -> Result<SeekReport> {
        let message = format!(
            "subscription `{subscription}` of {topic} cannot be moved: Danube's brokers have no call for that. Begin with \
             another subscription, or delete this one"
        );
        Err(BrokerError::new(ErrorKind::Denied, message))
    }

    async fn delete_subscription(&self, topic: &TopicName, subscription: &str) -> Result<()> {
        let mut is_there = false;
        for name in &self.find(topic).await?.names {
            if self.subscriptions_of(name).await?.iter().any(|s| s == subscription) {
                is_there = true;
                self.unsubscribe(name, subscription).await?;
            }
        }
        match is_there {
            true => Ok(()),
            false => Err(no_subscription(topic, subscription)),
        }
    }
}

fn find(listed: &[String], topic: &TopicName) -> Result<ListedTopic> {
    let found = group_partitions(listed).into_iter().find(|found| found.topic == *topic);
    found.ok_or_else(|| BrokerError::new(ErrorKind::NotFound, format!("there is no topic {topic}")))
}

fn no_subscription(topic: &TopicName, subscription: &str) -> BrokerError {
    let message = format!("topic {topic} has no subscription `{subscription}`");
    BrokerError::new(ErrorKind::NotFound, message)
}
