//! What the client measures: how far partitions go, and whether a broker is there.

use super::Worker;
use crate::consumer::{GroupConsumer, Reach};

impl<C: GroupConsumer> Worker<C> {
    pub(super) fn measured(&mut self, ends: Vec<Reach>, is_connected: bool) {
        for reach in &ends {
            self.state.positions.ends_at(&reach.partition, reach.end);
            self.pass_markers(reach);
        }
        if is_connected {
            self.last_failure = None;
            self.state.inbox.set_trouble(self.trouble.clone());
        } else {
            let failure = self.last_failure.as_deref().unwrap_or("no broker is connected");
            let trouble = format!("Kafka at {}: {failure}", self.config.address);
            self.state.inbox.set_trouble(Some(trouble));
        }
    }

    /// What is left up to the end are markers of transactions, or records that were compacted away: nothing will come of it. The group
    /// is told, or it would look as if something were left to read, and later as if it had been lost. So it is known only when two
    /// measurements agree, and a poll between them gave nothing.
    fn pass_markers(&mut self, reach: &Reach) {
        let (polls, is_paused) = (self.polls_without, self.is_paused());
        let Some(reading) = self.owned.get_mut(&reach.partition) else {
            return;
        };
        let is_end = reach.fetched == Some(reach.end) && reach.end > reading.next && !is_paused;
        let since = reading.at_end.filter(|(end, _)| *end == reach.end);
        reading.at_end = match (is_end, since) {
            (false, _) => None,
            (true, None) => Some((reach.end, polls)),
            (true, Some(since)) => Some(since),
        };
        let has_settled = since.is_some_and(|(_, begun)| is_end && polls > begun + 1);
        if has_settled && self.state.inbox.is_empty_of(&reach.partition) {
            let epoch = reading.epoch;
            reading.next = reach.end;
            reading.at_end = None;
            self.state.inbox.passed(reach.partition.clone(), epoch, reach.end);
        }
    }
}
