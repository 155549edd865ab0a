//! How a connector retries, and when it stops.

use std::time::Duration;

use crate::{BackoffPolicy, BreakerPolicy, ErrorBudget};

/// How a connector retries, and when it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Waits between tries of what is expected to work again: the target, the broker, a component that says so.
    pub waits: BackoffPolicy,
    /// When calls into the component pause because its instances keep dying.
    pub component: BreakerPolicy,
    /// When a source stops publishing for a while because the broker takes nothing.
    pub publishing: BreakerPolicy,
    /// How many dead letters it may make before it stops.
    pub dead_letters: ErrorBudget,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let waits = BackoffPolicy::default();
        Self {
            waits,
            // However large its batch, one poisonous message of a sink counts once, and one event of a source twice: 20 in a row is
            // the component.
            component: BreakerPolicy {
                failures_max: 20,
                waits,
            },
            // Senders are waiting: they are answered at once, and the broker is tried every other second.
            publishing: BreakerPolicy {
                failures_max: 5,
                waits: waits.up_to(Duration::from_secs(2)),
            },
            dead_letters: ErrorBudget::default(),
        }
    }
}

/// Longest wait between two tries of a target. One write is tried for all lanes, which costs little; and when the target is
/// back, no lane waits longer than this.
const TARGET_WAIT_MAX: Duration = Duration::from_secs(5);

impl RetryPolicy {
    /// Towards a target: its first failure holds every lane, and one write at a time is tried.
    pub(crate) fn target(&self) -> BreakerPolicy {
        BreakerPolicy {
            failures_max: 1,
            waits: self.waits.up_to(TARGET_WAIT_MAX),
        }
    }
}
