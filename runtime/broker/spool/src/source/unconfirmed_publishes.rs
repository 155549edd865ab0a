//! Tracks whether accepted records are certain to reach their consumers.
//!
//! Danube (0.15.1) stores a subscription's position separately from its messages. A broker that was killed restarts
//! without its last messages, up to 5 s of them, and reuses their offsets: a subscription whose position was further
//! already skips the new messages. One whose position was not written starts at the end when its consumer is back. So
//! records published first after a loss may reach no consumer. They are published once more when the flush time is over
//! and as many records were published as may have been lost. Consumers recognise duplicates by the record's id.

use tokio::time::Instant;

use super::window::Window;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct UnconfirmedPublishes {
    /// Number of records that the broker may have lost; `None` if no loss is pending.
    forgotten: Option<u64>,
}

impl UnconfirmedPublishes {
    /// For a log with records of an earlier process: the broker may have been killed with it.
    pub(super) fn from_leftover(records: u64) -> Self {
        Self {
            forgotten: (records > 0).then_some(0),
        }
    }

    /// A run ended, possibly because the broker was killed.
    pub(super) fn record_loss(&mut self, window: &Window) {
        let forgotten = window.unconfirmed().max(self.forgotten.unwrap_or_default());
        self.forgotten = Some(forgotten);
    }

    /// Everything was published once more.
    pub(super) fn clear(&mut self) {
        self.forgotten = None;
    }

    pub(super) fn is_pending(&self) -> bool {
        self.forgotten.is_some()
    }

    /// When to publish once more, if that is known. `due`: when the flush time of the first record accepted in this run
    /// ends.
    pub(super) fn republish_at(&self, window: &Window, due: Option<Instant>) -> Option<Instant> {
        let forgotten = self.forgotten?;
        due.filter(|_| window.unconfirmed() >= forgotten || window.is_drained())
    }
}
