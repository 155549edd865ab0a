//! Detects messages that are in the log already when the broker delivers them again.
//!
//! The id in the broker is not enough: a broker that lost its last messages uses their offsets again. So a message is
//! identified by a keyed 64-bit hash of everything that a redelivery does not change: id in the broker, record id,
//! publish time and payload.
//!
//! Messages that were in the log at the start are known only when they are read. If the broker delivers one again
//! before that, a second copy is written behind the first, and recognised when it is read.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use danube_wasm_broker::Message;

/// Hash of a message.
pub(super) type Fingerprint = u64;

/// See the module.
pub(super) struct DedupIndex {
    state: RandomState,
    /// Distinguishes this process's copies from those of earlier ones.
    incarnation: u64,
    /// Written since the start, until the caller and the broker's acknowledgement are both done.
    written: HashMap<Fingerprint, PendingParties>,
    /// Messages whose write returned an error: they may be in the log, and a second time after the retry.
    uncertain: HashSet<Fingerprint>,
    /// Read from the log: messages of an earlier process and uncertain ones, with the offset of the first copy. These
    /// are read before any copy of this process.
    read: HashMap<Fingerprint, u64>,
}

struct PendingParties {
    broker: bool,
    caller: bool,
}

impl Default for DedupIndex {
    fn default() -> Self {
        let state = RandomState::new();
        Self {
            incarnation: state.build_hasher().finish(),
            state,
            written: HashMap::new(),
            uncertain: HashSet::new(),
            read: HashMap::new(),
        }
    }
}

impl DedupIndex {
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(super) fn fingerprint(&self, message: &Message) -> Fingerprint {
        let mut hasher = self.state.build_hasher();
        message.message_id.hash(&mut hasher);
        message.id.hash(&mut hasher);
        message.publish_time_ms.hash(&mut hasher);
        message.payload.hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.read.is_empty()
    }

    /// Whether the message was written or read before.
    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.written.contains_key(&fingerprint) || self.read.contains_key(&fingerprint)
    }

    /// Records a message that was written.
    pub(super) fn record_write(&mut self, fingerprint: Fingerprint) {
        let open = PendingParties {
            broker: true,
            caller: true,
        };
        self.written.insert(fingerprint, open);
    }

    /// Records a message whose write returned an error.
    pub(super) fn record_uncertain_write(&mut self, fingerprint: Fingerprint) {
        self.uncertain.insert(fingerprint);
    }

    /// Whether a copy that was written by `incarnation` and read at `offset` is a second one.
    pub(super) fn is_duplicate_copy(&mut self, fingerprint: Fingerprint, incarnation: u64, offset: u64) -> bool {
        if incarnation == self.incarnation && !self.uncertain.contains(&fingerprint) {
            return self.read.contains_key(&fingerprint);
        }
        *self.read.entry(fingerprint).or_insert(offset) != offset
    }

    /// The broker has acknowledged it.
    pub(super) fn record_broker_ack(&mut self, fingerprint: Fingerprint) {
        self.finish_one(fingerprint, |open| open.broker = false);
    }

    /// The caller has acknowledged it.
    pub(super) fn record_caller_ack(&mut self, fingerprint: Fingerprint) {
        self.finish_one(fingerprint, |open| open.caller = false);
    }

    /// Forgets what was read: the log is empty.
    pub(super) fn clear_read(&mut self) {
        self.read.clear();
        self.uncertain.clear();
    }

    fn finish_one(&mut self, fingerprint: Fingerprint, change: impl FnOnce(&mut PendingParties)) {
        let Some(open) = self.written.get_mut(&fingerprint) else {
            return;
        };
        change(open);
        if !open.broker && !open.caller {
            self.written.remove(&fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_until_both_are_done_with_it() {
        let mut dedup = DedupIndex::default();
        dedup.record_write(1);
        assert!(!dedup.is_duplicate_copy(1, dedup.incarnation(), 0), "its own copy");
        dedup.record_caller_ack(1);
        assert!(dedup.contains(1), "the broker may deliver it again");
        dedup.record_broker_ack(1);
        assert!(!dedup.contains(1) && dedup.is_empty());
    }

    #[test]
    fn second_copies_are_told_when_they_are_read() {
        let mut dedup = DedupIndex::default();
        let (before, now) = (dedup.incarnation() ^ 1, dedup.incarnation());
        // In the log at the start, and delivered again before it was read.
        assert!(!dedup.contains(1));
        dedup.record_write(1);
        assert!(!dedup.is_duplicate_copy(1, before, 0));
        dedup.record_broker_ack(1);
        assert!(dedup.is_duplicate_copy(1, now, 9));
        dedup.record_caller_ack(1);
        assert!(
            !dedup.is_duplicate_copy(1, before, 0),
            "the first again, because it was given back"
        );
        assert!(dedup.contains(1), "should the broker deliver it once more");
        dedup.clear_read();
        assert!(dedup.is_empty());
    }

    #[test]
    fn a_failed_write_that_was_one_all_the_same_is_told() {
        let mut dedup = DedupIndex::default();
        dedup.record_uncertain_write(1);
        assert!(!dedup.contains(1), "it must be written again");
        dedup.record_write(1);
        assert!(!dedup.is_duplicate_copy(1, dedup.incarnation(), 3));
        assert!(dedup.is_duplicate_copy(1, dedup.incarnation(), 4));
    }
}
