//! What a broker does with messages that nobody acknowledges.

use std::time::Duration;

use danube_wasm_proto::admin::{self, SubscriptionPoisonPolicy};

/// What a subscription's broker does with messages that are not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailurePolicy {
    /// What becomes of a message after its last delivery.
    pub poison: Poison,
    /// How often a message is delivered again.
    pub max_redelivery_count: u32,
    /// After how long a message counts as not acknowledged.
    pub ack_timeout: Duration,
}

/// What becomes of a message that was delivered again as often as allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// It stays, and nothing behind it on its partition is delivered any more.
    Block,
    /// It is gone.
    Drop,
    /// It goes to another topic.
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
