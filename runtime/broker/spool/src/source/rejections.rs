//! Counts records that the broker denied. If one is denied repeatedly while others of its topic are accepted, the
//! record is at fault; otherwise the permission is, which an operator can change.

use std::collections::HashMap;

use danube_wasm_broker::{ErrorKind, MessageId};

use crate::limits::DENIED_TRIES_MAX;

/// See the module. For one topic.
#[derive(Default)]
pub(super) struct Rejections {
    /// Records accepted so far.
    accepted: u64,
    rejected: HashMap<MessageId, Rejection>,
}

struct Rejection {
    tries: u32,
    /// Records accepted before the first denial.
    accepted: u64,
}

impl Rejections {
    /// The broker accepted it.
    pub(super) fn record_accepted(&mut self, id: MessageId) {
        self.accepted += 1;
        if !self.rejected.is_empty() {
            self.rejected.remove(&id);
        }
    }

    /// The broker refused it. Returns whether it will never accept it.
    pub(super) fn is_final(&mut self, id: MessageId, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::TooLarge => true,
            ErrorKind::Denied => {
                let accepted = self.accepted;
                let rejection = self.rejected.entry(id).or_insert(Rejection { tries: 0, accepted });
                rejection.tries += 1;
                let last = rejection.tries >= DENIED_TRIES_MAX && rejection.accepted < accepted;
                if last {
                    self.rejected.remove(&id);
                }
                last
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(offset: u64) -> MessageId {
        MessageId { partition: 1, offset }
    }

    #[test]
    fn while_nothing_is_accepted_the_permission_is_at_fault() {
        let mut rejections = Rejections::default();
        rejections.record_accepted(id(0));
        assert!((0..1000).all(|_| !rejections.is_final(id(1), ErrorKind::Denied)));
        rejections.record_accepted(id(2));
        assert!(rejections.is_final(id(1), ErrorKind::Denied));
    }

    #[test]
    fn a_record_has_all_its_tries() {
        let mut rejections = Rejections::default();
        for n in 1..DENIED_TRIES_MAX {
            assert!(!rejections.is_final(id(1), ErrorKind::Denied), "try {n}");
            rejections.record_accepted(id(2));
        }
        assert!(rejections.is_final(id(1), ErrorKind::Denied));
        assert!(
            !rejections.is_final(id(1), ErrorKind::Denied),
            "and again after it was tried again"
        );
    }

    #[test]
    fn only_a_size_is_final_at_once() {
        let mut rejections = Rejections::default();
        assert!(rejections.is_final(id(1), ErrorKind::TooLarge));
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Storage,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
        ] {
            assert!((0..100).all(|_| !rejections.is_final(id(1), kind)));
        }
    }
}
