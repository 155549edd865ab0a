//! What a broker does with messages that are not acknowledged.

use std::time::Duration;

use danube_wasm_proto::admin::{self, SubscriptionPoisonPolicy};

/// What a subscription's broker does with messages that are not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailurePolicy {
    /// What happens to a message after its last delivery.
    pub poison: Poison,
    /// How often a message is delivered again.
    pub max_redelivery_count: u32,
    /// When a message counts as not acknowledged.
    pub ack_timeout: Duration,
}

/// What happens to a message after the last allowed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// It stays, and no later message of its partition is delivered.
    Block,
    /// It is dropped.
    Drop,
    /// It is moved to another topic.
    DeadLetter,
}

impl FailurePolicy {
    pub(super) fn of(policy: &admin::SubscriptionFailurePolicy) -> Self {
        Self {
            poison: match policy.poison_policy() {
                SubscriptionPoisonPolicy::Block => Poison::Block,
                SubscriptionPoisonPolicy::Drop => Poison::Drop,
                SubscriptionPoisonPolicy::DeadLetter => Poison::DeadLetter,
            },
            max_redelivery_count: policy.max_redelivery_count,
            ack_timeout: Duration::from_millis(policy.ack_timeout_ms),
        }
    }
}
