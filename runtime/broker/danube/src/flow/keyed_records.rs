//! Tracks the messages of this process that a consumer of a `KeyShared` subscription has not received yet.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::limits::{KEYS_MAX, REMEMBERED_MAX};

/// Messages of the keys of which this consumer has received one: those of other keys may go to other consumers. Danube
/// gives messages of one key in their order, those of different keys in any.
#[derive(Debug, Default)]
pub(super) struct KeyedRecords {
    own: HashSet<u64>,
    /// When the broker confirmed each record, if it has.
    unread: HashMap<u64, Option<Instant>>,
}

impl KeyedRecords {
    pub(super) fn sent(&mut self, record: u64, key: u64) {
        if self.own.contains(&key) && self.unread.len() < REMEMBERED_MAX {
            self.unread.insert(record, None);
        }
    }

    pub(super) fn answered(&mut self, record: u64, accepted: bool) {
        match (accepted, self.unread.get_mut(&record)) {
            (true, Some(at)) => *at = Some(Instant::now()),
            (true, None) => {}
            (false, _) => {
                self.unread.remove(&record);
            }
        }
    }

    pub(super) fn arrived(&mut self, record: Option<u64>, key: u64) {
        if self.own.len() < KEYS_MAX {
            self.own.insert(key);
        }
        if let Some(record) = record {
            self.unread.remove(&record);
        }
    }

    /// Number of messages that the broker confirmed `after` ago or earlier.
    pub(super) fn overdue(&self, after: Duration) -> usize {
        let confirmed = self.unread.values().flatten();
        confirmed.filter(|at| at.elapsed() >= after).count()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_of_keys_that_come_here_are_missed() {
        let mut records = KeyedRecords::default();
        let send = |records: &mut KeyedRecords, record, key| {
            records.sent(record, key);
            records.answered(record, true);
        };
        send(&mut records, 1, 10);
        assert_eq!(records.overdue(Duration::ZERO), 0, "it may be another consumer's");
        records.arrived(Some(1), 10);
        send(&mut records, 2, 10);
        send(&mut records, 3, 20);
        send(&mut records, 4, 10);
        assert_eq!(records.overdue(Duration::ZERO), 2);
        // In any order, but for those of a key.
        records.arrived(Some(4), 10);
        assert_eq!(records.overdue(Duration::ZERO), 1);
        records.arrived(Some(2), 10);
        assert_eq!(records.overdue(Duration::ZERO), 0);
        records.sent(5, 10);
        assert_eq!(records.overdue(Duration::ZERO), 0, "it is not confirmed");
        records.answered(5, false);
        records.clear();
        send(&mut records, 6, 10);
        assert_eq!(records.overdue(Duration::ZERO), 0);
    }
}
