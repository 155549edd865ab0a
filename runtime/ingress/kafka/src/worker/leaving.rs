//! Partitions that go to other members: finished, committed and let go.

use std::time::Instant;

use super::{Worker, names};
use crate::{
    consumer::{GroupConsumer, Partition},
    inbox::Taken,
    limits::RELEASE_GRACE,
};

/// Partitions that are revoked and still ours.
pub(super) struct Leaving {
    pub(super) partitions: Vec<Partition>,
    deadline: Instant,
}

impl<C: GroupConsumer> Worker<C> {
    /// The driver finishes what it has of these; what is here and not with the driver is another member's.
    pub(super) fn revoked(&mut self, partitions: Vec<Partition>) {
        let deadline = Instant::now() + self.config.reading.drain_timeout;
        self.owned.remove(&partitions);
        let news = Taken::Revoked {
            partitions: partitions.clone(),
            deadline,
        };
        match partitions.is_empty() {
            true => self.unassign(&[]),
            false => {
                self.state.inbox.gone(&partitions, news);
                self.leaving = Some(Leaving { partitions, deadline });
            }
        }
    }

    /// Lets go what is released, or whose time is over; the others are read on meanwhile.
    pub(super) fn let_go_if_due(&mut self) {
        let Some(leaving) = &self.leaving else { return };
        let is_late = Instant::now() >= leaving.deadline + RELEASE_GRACE;
        let partitions = leaving.partitions.clone();
        if self.consumer.is_lost() {
            return self.lost(&partitions);
        }
        if !is_late && !self.state.positions.are_released(&partitions) {
            return;
        }
        let due = self.state.positions.due_of(&partitions);
        if !due.is_empty() {
            let committed = self.consumer.commit_now(&due);
            self.committed(committed.map(|()| due).map_err(|error| error.message));
        }
        self.leaving = None;
        self.state.positions.end(&partitions);
        self.unassign(&partitions);
        self.moved("revoked", partitions.len());
        tracing::info!(
            connector = self.config.connector,
            partitions = names(&partitions),
            "gives partitions to other members"
        );
    }
}
