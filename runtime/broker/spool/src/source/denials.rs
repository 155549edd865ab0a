//! Records that the broker denied. One that is denied again and again, while others of its topic are taken, is at fault
//! itself; else the permission is, which an operator can change.

use std::collections::HashMap;

use danube_wasm_broker::{ErrorKind, MessageId};

use crate::limits::DENIED_TRIES_MAX;

/// See the module. Of one topic.
#[derive(Default)]
pub(super) struct Denials {
    /// Records that were ever accepted.
    accepted: u64,
    denied: HashMap<MessageId, Denial>,
}

struct Denial {
    tries: u32,
    /// Records that were accepted before the first.
    accepted: u64,
}

impl Denials {
    /// The broker has it.
    pub(super) fn accepted(&mut self, id: MessageId) {
        self.accepted += 1;
        if !self.denied.is_empty() {
            self.denied.remove(&id);
        }
    }

    /// The broker refused it. Whether it will never take it.
    pub(super) fn is_final(&mut self, id: MessageId, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::TooLarge => true,
            ErrorKind::Denied => {
                let accepted = self.accepted;
                let denial = self.denied.entry(id).or_insert(Denial { tries: 0, accepted });
                denial.tries += 1;
                let last = denial.tries >= DENIED_TRIES_MAX && denial.accepted < accepted;
                if last {
                    self.denied.remove(&id);
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
        let mut denials = Denials::default();
        denials.accepted(id(0));
        assert!((0..1000).all(|_| !denials.is_final(id(1), ErrorKind::Denied)));
        denials.accepted(id(2));
        assert!(denials.is_final(id(1), ErrorKind::Denied));
    }

    #[test]
    fn a_record_has_all_its_tries() {
        let mut denials = Denials::default();
        for n in 1..DENIED_TRIES_MAX {
            assert!(!denials.is_final(id(1), ErrorKind::Denied), "try {n}");
            denials.accepted(id(2));
        }
        assert!(denials.is_final(id(1), ErrorKind::Denied));
        assert!(
            !denials.is_final(id(1), ErrorKind::Denied),
            "and again after it was tried again"
        );
    }

    #[test]
    fn only_a_size_is_final_at_once() {
        let mut denials = Denials::default();
        assert!(denials.is_final(id(1), ErrorKind::TooLarge));
        for kind in [
            ErrorKind::Unavailable,
            ErrorKind::Storage,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
        ] {
            assert!((0..100).all(|_| !denials.is_final(id(1), kind)));
        }
    }
}
