//! How many messages of a partition a broker of Danube gives unacknowledged before it waits: told once, if that is few.

use super::{Core, Partition};
use crate::limits::{WINDOW_SEEN_MIN, WINDOW_SMALL, WINDOW_WAITING_MIN};

/// What was seen of it.
#[derive(Default)]
pub(super) struct Window {
    most: usize,
    seen: u32,
    said: bool,
}

impl Window {
    /// Only where messages are known to wait it is the window that keeps them.
    pub(super) fn look(&mut self, core: &Core, partition: &Partition) {
        let given = partition.unacknowledged();
        if given > self.most {
            (self.most, self.seen) = (given, 0);
        }
        let waits = given > 0 && given == self.most && partition.reader.unread() >= WINDOW_WAITING_MIN;
        self.seen += u32::from(waits);
        let is_known = self.seen >= WINDOW_SEEN_MIN && self.most < WINDOW_SMALL && partition.is_at_danube();
        if is_known && !std::mem::replace(&mut self.said, true) {
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
