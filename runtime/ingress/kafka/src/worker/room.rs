//! What is done while the driver has no room: a short while nothing, then the partitions are paused and polled on.

use std::time::Instant;

use super::Worker;
use crate::{
    consumer::{GroupConsumer, Partition},
    limits::{PAUSE_AFTER, POLL_WAIT},
};

/// How full the inbox is, and since when.
#[derive(Debug, Default)]
pub(super) struct Fullness {
    since: Option<Instant>,
    is_paused: bool,
}

impl<C: GroupConsumer> Worker<C> {
    /// Whether nothing is to be polled for now. Waits a little if so.
    pub(super) fn waits_for_room(&mut self) -> bool {
        if self.fullness.is_paused {
            if self.state.inbox.has_room() {
                self.resume();
            }
            return false;
        }
        if !self.state.inbox.is_full() {
            self.fullness.since = None;
            return false;
        }
        let since = *self.fullness.since.get_or_insert_with(Instant::now);
        if since.elapsed() < PAUSE_AFTER {
            self.state.inbox.wait_for_room(POLL_WAIT);
            return true;
        }
        self.fullness.is_paused = true;
        self.config.counters.paused();
        self.hold_back(&self.owned.partitions());
        false
    }

    /// Pauses these, if everything is.
    pub(super) fn hold_back(&self, partitions: &[Partition]) {
        if self.fullness.is_paused
            && !partitions.is_empty()
            && let Err(error) = self.consumer.pause(partitions)
        {
            tracing::warn!(
                connector = self.config.connector,
                error = error.message,
                "partitions could not be paused"
            );
        }
    }

    fn resume(&mut self) {
        let partitions = self.owned.partitions();
        match self.consumer.resume(&partitions) {
            Ok(()) => self.fullness = Fullness::default(),
            Err(error) => {
                tracing::warn!(
                    connector = self.config.connector,
                    error = error.message,
                    "partitions could not be resumed; it is tried again"
                );
            }
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.fullness.is_paused
    }
}
