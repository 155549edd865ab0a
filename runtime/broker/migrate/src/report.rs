//! What was copied, for people and programs.

use danube_wasm_broker::copying::{Copied, CopiedTopic};
use danube_wasm_model::SubscriptionType;
use serde::Serialize;

use crate::plan::Plan;

/// What was copied, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// Every topic of the source.
    pub topics: Vec<TopicReport>,
    /// Versions of schemas.
    pub schemas: usize,
    /// Notes of `danube-wasm broker` (compatibility of schemas, who registered them) that the target has no place for.
    pub notes_left_out: usize,
}

/// How far a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicState {
    /// It would be copied.
    Planned,
    /// It was copied and compared.
    Copied,
    /// An earlier run has copied it.
    CopiedBefore,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopicReport {
    /// Its name.
    pub topic: String,
    /// How far it is.
    pub state: TopicState,
    /// Number of partitions; 0 for a topic without.
    pub partitions: u32,
    /// Messages of the source; unknown where an earlier run has copied them.
    pub messages: Option<u64>,
    /// Bytes of their payloads, keys and attributes.
    pub bytes: Option<u64>,
    /// Messages that an interrupted run had copied.
    pub had: u64,
    /// Its subscriptions.
    pub subscriptions: Vec<SubscriptionReport>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionReport {
    /// Its name.
    pub subscription: String,
    /// How its messages are shared.
    pub subscription_type: SubscriptionType,
    /// Messages that it has not acknowledged.
    pub unread: Option<u64>,
    /// Messages that it has acknowledged and is given again, because the target cannot keep so many gaps in a position.
    pub again: u64,
}

impl MigrationReport {
    pub(crate) fn is_copied(&mut self, plan: &Plan, copied: &Copied) {
        let topic = plan.topic.topic.as_str();
        let Some(report) = self.topics.iter_mut().find(|report| report.topic == topic) else {
            return;
        };
        report.state = TopicState::Copied;
        report.had = copied.had;
        for (subscription, again) in report.subscriptions.iter_mut().zip(&copied.again) {
            subscription.again = *again;
        }
    }
}

impl TopicReport {
    pub(crate) fn planned(plan: &Plan) -> Self {
        let mut report = Self::new(&plan.topic, TopicState::Planned);
        (report.messages, report.bytes) = (Some(plan.messages), Some(plan.bytes));
        for (subscription, unread) in report.subscriptions.iter_mut().zip(&plan.unread) {
            subscription.unread = Some(*unread);
        }
        report
    }

    pub(crate) fn done(topic: &CopiedTopic) -> Self {
        Self::new(topic, TopicState::CopiedBefore)
    }

    fn new(topic: &CopiedTopic, state: TopicState) -> Self {
        let subscriptions = topic.subscriptions.iter().map(|subscription| SubscriptionReport {
            subscription: subscription.name.clone(),
            subscription_type: subscription.subscription_type,
            unread: None,
            again: 0,
        });
        Self {
            topic: topic.topic.to_string(),
            state,
            partitions: topic.partitions,
            messages: None,
            bytes: None,
            had: 0,
            subscriptions: subscriptions.collect(),
        }
    }
}
