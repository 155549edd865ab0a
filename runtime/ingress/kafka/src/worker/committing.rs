//! Tells the group what is confirmed.

use std::time::Instant;

use super::Worker;
use crate::consumer::{GroupConsumer, Partition};

impl<C: GroupConsumer> Worker<C> {
    pub(super) fn commit_if_due(&mut self) {
        let now = Instant::now();
        if now < self.commit_at || self.is_committing {
            return;
        }
        self.commit_at = now + self.config.reading.commit_interval;
        let due = self.state.positions.due();
        // What has become others' is not ours to commit; that it has is polled soon.
        if due.is_empty() || self.consumer.is_lost() {
            return;
        }
        match self.consumer.commit(&due) {
            Ok(()) => self.is_committing = true,
            Err(error) => self.committed(Err(error.message)),
        }
    }

    pub(super) fn committed(&mut self, outcome: Result<Vec<(Partition, i64)>, String>) {
        self.config.counters.committed(outcome.is_ok());
        match outcome {
            Ok(offsets) => self.state.positions.committed(&offsets),
            Err(why) => {
                let message = format!(
                    "offsets of the group `{}` could not be committed: {why}",
                    self.config.group
                );
                tracing::warn!(connector = self.config.connector, "{message}; they are committed again");
                self.state.positions.commit_failed(message);
            }
        }
    }

    /// Commits what is confirmed, also of partitions that are still to be released.
    pub(super) fn finish(&mut self) {
        let is_lost = self.consumer.is_lost();
        let due = self.state.positions.due();
        if !is_lost && !due.is_empty() {
            let committed = self.consumer.commit_now(&due);
            self.committed(committed.map(|()| due).map_err(|error| error.message));
        }
        let leaving = self.leaving.take().map(|leaving| leaving.partitions);
        let placing = self.placing.take().is_some();
        let answered = match leaving {
            Some(partitions) => self.consumer.unassign(&partitions),
            // Whoever ends in the middle of an assignment takes none of it.
            None if placing => self.consumer.assign(&[]),
            None => Ok(()),
        };
        if let Err(error) = answered {
            tracing::debug!(
                connector = self.config.connector,
                error = error.message,
                "a rebalance at the end"
            );
        }
    }
}
