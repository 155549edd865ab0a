//! What a topic held, and what its subscriptions had acknowledged, when it was looked at.

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_broker::{
    Result,
    copying::{CopiedSubscription, CopiedTopic},
};
use danube_wasm_model::{SubscriptionType, TopicName};

use super::acknowledge;
use crate::{consume::ConsumerInfo, error::conflict, nats::Nats, topic::Topic};

/// See the module.
pub(crate) struct View {
    pub(super) topic: TopicName,
    pub(super) stream: String,
    pub(super) partitions: u32,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    pub(super) subscriptions: Vec<Position>,
}

/// The position of a subscription.
pub(super) struct Position {
    name: String,
    kind: SubscriptionType,
    consumers: Vec<Acknowledged>,
}

/// What a consumer in the server has acknowledged.
struct Acknowledged {
    /// Of its messages; `None`: it has all.
    bucket: Option<u32>,
    /// Everything up to this sequence but what is open.
    up_to: u64,
    open: BTreeSet<u64>,
}

impl Position {
    /// Whether it has a message.
    pub(super) fn has(&self, sequence: u64, bucket: u32) -> bool {
        let mut of_it = self.consumers.iter();
        let of_it = of_it.find(|consumer| consumer.bucket.is_none_or(|its| its == bucket));
        of_it.is_some_and(|consumer| sequence <= consumer.up_to && !consumer.open.contains(&sequence))
    }
}

impl View {
    pub(super) fn copied(&self) -> CopiedTopic {
        let copied = |position: &Position| CopiedSubscription {
            name: position.name.clone(),
            subscription_type: position.kind,
        };
        CopiedTopic {
            topic: self.topic.clone(),
            partitions: self.partitions,
            subscriptions: self.subscriptions.iter().map(copied).collect(),
        }
    }
}

/// Looks at a topic, and remembers what it has seen.
pub(super) async fn look(nats: &Nats, topic: &Topic) -> Result<Arc<View>> {
    let by_subscription = nats.administration().by_subscription(topic).await?;
    let info = nats.topics.info(&topic.name).await?;
    let mut subscriptions = Vec::new();
    for (name, consumers) in by_subscription {
        let Some(kind) = consumers.first().and_then(ConsumerInfo::kind) else {
            return Err(conflict(format!(
                "the subscription {name} of {} has no type that this program knows",
                topic.name
            )));
        };
        let mut acknowledged = Vec::new();
        for consumer in &consumers {
            acknowledged.push(Acknowledged {
                bucket: consumer.bucket(),
                up_to: match consumer.lag() {
                    0 => info.state.last_seq,
                    _ => consumer.delivered.stream_seq.max(consumer.ack_floor.stream_seq),
                },
                open: acknowledge::open(&nats.session, topic, consumer).await?,
            });
        }
        subscriptions.push(Position {
            name,
            kind,
            consumers: acknowledged,
        });
    }
    let view = Arc::new(View {
        topic: topic.name.clone(),
        stream: topic.stream.clone(),
        partitions: topic.partitions,
        first_seq: info.state.first_seq,
        last_seq: info.state.last_seq,
        subscriptions,
    });
    nats.views.lock().insert(topic.name.clone(), view.clone());
    Ok(view)
}
