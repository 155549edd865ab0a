//! Detects how many messages of a partition a broker of Danube delivers unacknowledged before it waits; logged once, if
//! that is few.

use super::super::{partition::Partition, shared::Core};
use crate::limits::{WINDOW_SEEN_MIN, WINDOW_SMALL, WINDOW_WAITING_MIN};

/// See the module.
#[derive(Default)]
pub(super) struct WindowDetector {
    most: usize,
    seen: u32,
    reported: bool,
}

impl WindowDetector {
    /// The window is the limit only where messages are known to wait.
    pub(super) fn check(&mut self, core: &Core, partition: &Partition) {
        let delivered = partition.unacknowledged();
        if delivered > self.most {
            (self.most, self.seen) = (delivered, 0);
        }
        let waits = delivered > 0 && delivered == self.most && partition.local.unread() >= WINDOW_WAITING_MIN;
        self.seen += u32::from(waits);
        let is_known = self.seen >= WINDOW_SEEN_MIN && self.most < WINDOW_SMALL && partition.is_at_danube();
        if is_known && !std::mem::replace(&mut self.reported, true) {
            core.window_is_small(self.most);
        }
    }
}

impl Core {
    fn window_is_small(&self, window: usize) {
        self.small_window.get_or_init(|| {
            tracing::warn!(topic = %self.options.topic, subscription = self.options.subscription, window, "Danube gives at most this many unacknowledged messages of a partition, while others wait: a batch has no more, and sources of this process wait for it. Write `dispatch: {{ max_unacked_messages: 10000 }}` into the broker's file (standalone mode has none: run a cluster of one), and restart the broker");
        });
    }
}
