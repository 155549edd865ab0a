//! Whether what the broker accepts now is sure to reach its consumers.
//!
//! Danube (0.15.1) keeps a subscription's place apart from the messages. A broker that was killed comes back without its
//! last messages, up to 5 s of them, and gives their places to the next ones: a subscription that was further already
//! skips those. One whose place was not written yet begins behind what is there when its consumer is back. So what is
//! published first after a loss may reach nobody, and is published once more when the flush time is over and as much was
//! published as may have been forgotten. Consumers tell the second time by the record's id.

use tokio::time::Instant;

use super::window::Window;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Records that the broker may have forgotten; none if it has not.
    forgotten: Option<u64>,
}

impl Doubt {
    /// Of a log that an earlier process has left: the broker may have been killed with it.
    pub(super) fn of_left(records: u64) -> Self {
        Self {
            forgotten: (records > 0).then_some(0),
        }
    }

    /// A run ended in what may have been the broker's end.
    pub(super) fn raise(&mut self, window: &Window) {
        let forgotten = window.unconfirmed().max(self.forgotten.unwrap_or_default());
        self.forgotten = Some(forgotten);
    }

    /// All was published once more.
    pub(super) fn settle(&mut self) {
        self.forgotten = None;
    }

    pub(super) fn is_raised(&self) -> bool {
        self.forgotten.is_some()
    }

    /// When to publish once more, if that time has come or is known. `due`: when the flush time of the first record that
    /// was accepted in this run is over.
    pub(super) fn repeat_at(&self, window: &Window, due: Option<Instant>) -> Option<Instant> {
        let forgotten = self.forgotten?;
        due.filter(|_| window.unconfirmed() >= forgotten || window.is_through())
    }
}
