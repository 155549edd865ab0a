//! Warns once where Danube's brokers differ from what the type of a subscription promises.

use std::sync::OnceLock;

use danube_wasm_broker::ConsumerOptions;
use danube_wasm_model::SubscriptionType;

/// Set once the warning was logged.
#[derive(Default)]
pub(super) struct BrokerQuirks(OnceLock<()>);

impl BrokerQuirks {
    /// Call it when a broker that is not danube-wasm's own has accepted the subscription.
    pub(super) fn warn(&self, options: &ConsumerOptions) {
        let Some(quirk) = quirk_of(options.subscription_type) else {
            return;
        };
        self.0.get_or_init(|| {
            tracing::warn!(topic = %options.topic, subscription = options.subscription, "{quirk}");
        });
    }
}

/// As of Danube 0.15.1, from its dispatchers' source and from tests.
fn quirk_of(kind: SubscriptionType) -> Option<&'static str> {
    match kind {
        SubscriptionType::Exclusive | SubscriptionType::Shared => None,
        // The active consumer is chosen when the first one subscribes, and never again.
        SubscriptionType::Failover => Some(
            "Danube 0.15 does not fail over: when the active consumer of this `Failover` subscription is gone, nobody \
             else gets its messages. Use `Exclusive` and have the one process restarted, or `Shared` where order does \
             not count",
        ),
        // The dispatcher waits for the log's next message with acknowledgements unread.
        SubscriptionType::KeyShared => Some(
            "Danube 0.15 hands out at most one message in half a second on this `KeyShared` subscription, and holds the \
             last ones back until others are published. Use `Exclusive` where the order of each key counts, else `Shared`",
        ),
    }
}
