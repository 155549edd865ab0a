//! What Danube's brokers do otherwise than the type of a subscription promises: said once, by whoever meets one of them.

use std::sync::OnceLock;

use danube_wasm_broker::ConsumerOptions;
use danube_wasm_model::SubscriptionType;

/// Whether it was said.
#[derive(Default)]
pub(super) struct Traps(OnceLock<()>);

impl Traps {
    /// A broker that is not danube-wasm's own has taken the subscription.
    pub(super) fn warn(&self, options: &ConsumerOptions) {
        let Some(trap) = of(options.subscription_type) else {
            return;
        };
        self.0.get_or_init(|| {
            tracing::warn!(topic = %options.topic, subscription = options.subscription, "{trap}");
        });
    }
}

/// As of Danube 0.15.1, read in its dispatchers and seen on it.
fn of(kind: SubscriptionType) -> Option<&'static str> {
    match kind {
        SubscriptionType::Exclusive | SubscriptionType::Shared => None,
        // The active consumer is chosen when the first one comes, and never again.
        SubscriptionType::Failover => Some(
            "Danube 0.15 does not fail over: when the active consumer of this `Failover` subscription is gone, nobody \
             else gets its messages. Use `Exclusive` and have the one process restarted, or `Shared` where order does \
             not count",
        ),
        // The dispatcher waits for the log's next message with acknowledgements unread.
        SubscriptionType::KeyShared => Some(
            "Danube 0.15 hands out at most one message in half a second on this `KeyShared` subscription. Use \
             `Exclusive` where the order of each key counts, else `Shared`",
        ),
    }
}
