//! Which messages are in the log already, so that one that the broker delivers again is not there twice.
//!
//! The place in the broker is not enough: a broker that lost its last messages uses their offsets again. So a message is
//! told by all that a redelivery leaves as it was: place, id, publish time and payload, as a keyed 64-bit hash.
//!
//! What was in the log at the start is known only when it is read. If the broker delivers it again before that, a second
//! copy is behind the first in the log, and is told when it is read in its turn.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use danube_wasm_broker::Message;

/// Hash of a message.
pub(super) type Print = u64;

/// See the module.
pub(super) struct Known {
    state: RandomState,
    /// Tells this process's copies from those of the ones before.
    life: u64,
    /// Written since the start, until both acknowledgements are done: the caller's and the broker's.
    written: HashMap<Print, Open>,
    /// What an error came for when it was written: it may be in the log, and again when it was written again.
    doubtful: HashSet<Print>,
    /// Read from the log: what an earlier process wrote or is doubtful, and where its first copy is. These are read
    /// before any copy of this process.
    read: HashMap<Print, u64>,
}

struct Open {
    broker: bool,
    caller: bool,
}

impl Default for Known {
    fn default() -> Self {
        let state = RandomState::new();
        Self {
            life: state.build_hasher().finish(),
            state,
            written: HashMap::new(),
            doubtful: HashSet::new(),
            read: HashMap::new(),
        }
    }
}

impl Known {
    pub(super) fn life(&self) -> u64 {
        self.life
    }

    pub(super) fn print(&self, message: &Message) -> Print {
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

    /// Whether a message that the broker delivers is one that it delivered before.
    pub(super) fn contains(&self, print: Print) -> bool {
        self.written.contains_key(&print) || self.read.contains_key(&print)
    }

    /// It was written.
    pub(super) fn wrote(&mut self, print: Print) {
        let open = Open {
            broker: true,
            caller: true,
        };
        self.written.insert(print, open);
    }

    /// It may have been written.
    pub(super) fn may_have_written(&mut self, print: Print) {
        self.doubtful.insert(print);
    }

    /// A copy, written in this life, was read at `offset`. Whether it is a second one.
    pub(super) fn is_second(&mut self, print: Print, life: u64, offset: u64) -> bool {
        if life == self.life && !self.doubtful.contains(&print) {
            return self.read.contains_key(&print);
        }
        *self.read.entry(print).or_insert(offset) != offset
    }

    /// The broker knows that it is done.
    pub(super) fn acknowledged_at_broker(&mut self, print: Print) {
        self.close(print, |open| open.broker = false);
    }

    /// The caller is done with it.
    pub(super) fn acknowledged_by_caller(&mut self, print: Print) {
        self.close(print, |open| open.caller = false);
    }

    /// The log is empty.
    pub(super) fn emptied(&mut self) {
        self.read.clear();
        self.doubtful.clear();
    }

    fn close(&mut self, print: Print, change: impl FnOnce(&mut Open)) {
        let Some(open) = self.written.get_mut(&print) else {
            return;
        };
        change(open);
        if !open.broker && !open.caller {
            self.written.remove(&print);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_until_both_are_done_with_it() {
        let mut known = Known::default();
        known.wrote(1);
        assert!(!known.is_second(1, known.life(), 0), "its own copy");
        known.acknowledged_by_caller(1);
        assert!(known.contains(1), "the broker may deliver it again");
        known.acknowledged_at_broker(1);
        assert!(!known.contains(1) && known.is_empty());
    }

    #[test]
    fn second_copies_are_told_when_they_are_read() {
        let mut known = Known::default();
        let (before, now) = (known.life() ^ 1, known.life());
        // In the log at the start, and delivered again before it was read.
        assert!(!known.contains(1));
        known.wrote(1);
        assert!(!known.is_second(1, before, 0));
        known.acknowledged_at_broker(1);
        assert!(known.is_second(1, now, 9));
        known.acknowledged_by_caller(1);
        assert!(
            !known.is_second(1, before, 0),
            "the first again, because it was given back"
        );
        assert!(known.contains(1), "should the broker deliver it once more");
        known.emptied();
        assert!(known.is_empty());
    }

    #[test]
    fn a_failed_write_that_was_one_all_the_same_is_told() {
        let mut known = Known::default();
        known.may_have_written(1);
        assert!(!known.contains(1), "it must be written again");
        known.wrote(1);
        assert!(!known.is_second(1, known.life(), 3));
        assert!(known.is_second(1, known.life(), 4));
    }
}
