//! What the broker gave of a partition in this session and was not seen to have taken back, and when the newest of it
//! may be acknowledged.
//!
//! Danube 0.15 looks for unread messages above the newest that is unacknowledged, or up to which all are acknowledged.
//! If the newest of the log is acknowledged while an older one is not, it takes the newest for unread, waits for it, and
//! does nothing else for the subscription: not what is given back, nor acknowledged, nor who subscribes, until something
//! is published. So the newest is acknowledged last. What other consumers of a subscription have is not known here:
//! with several of them, Danube may still stand still. Brokers of this project need no such care.

use std::collections::BTreeSet;

use crate::limits::REMEMBERED_MAX;

/// See the module.
#[derive(Default)]
pub(super) struct Unconfirmed(BTreeSet<u64>);

impl Unconfirmed {
    /// The broker has given it.
    pub(super) fn arrived(&mut self, offset: u64) {
        self.0.insert(offset);
        while self.0.len() > REMEMBERED_MAX {
            self.0.pop_first();
        }
    }

    /// The broker has confirmed its acknowledgement.
    pub(super) fn confirmed(&mut self, offset: u64) {
        self.0.remove(&offset);
    }

    /// Whatever is in the broker's hands comes again in the next session, in order.
    pub(super) fn session_lost(&mut self) {
        self.0.clear();
    }

    /// Whether this one, or a message of another session at its offset, was given and is not confirmed.
    pub(super) fn contains(&self, offset: u64) -> bool {
        self.0.contains(&offset)
    }

    /// Whether this one may be acknowledged: something newer is in the broker's hands, or nothing older. What was not
    /// given in this session comes again, after what is older.
    pub(super) fn may_go(&self, offset: u64) -> bool {
        self.0.last().is_some_and(|newest| *newest > offset) || self.0.first() == Some(&offset)
    }

    /// What is older and not kept here is waited for no longer: another consumer may have got it, or the broker has set
    /// it aside. Whether something older is left.
    pub(super) fn give_up_before(&mut self, offset: u64, kept: impl Fn(u64) -> bool) -> bool {
        self.0.retain(|older| *older >= offset || kept(*older));
        self.0.first().is_some_and(|oldest| *oldest < offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(offsets: impl IntoIterator<Item = u64>) -> Unconfirmed {
        Unconfirmed(offsets.into_iter().collect())
    }

    #[test]
    fn only_the_newest_waits_and_only_for_what_is_before_it() {
        let mut unconfirmed = given([3, 4, 5]);
        assert!(unconfirmed.may_go(3) && unconfirmed.may_go(4) && !unconfirmed.may_go(5));
        unconfirmed.confirmed(4);
        assert!(!unconfirmed.may_go(5));
        unconfirmed.confirmed(3);
        assert!(unconfirmed.may_go(5));
    }

    #[test]
    fn something_newer_lets_it_go_and_waits_in_its_place() {
        let mut unconfirmed = given([3, 4]);
        assert!(!unconfirmed.may_go(4));
        unconfirmed.arrived(5);
        assert!(unconfirmed.may_go(4) && !unconfirmed.may_go(5));
    }

    #[test]
    fn in_a_new_session_it_waits_until_it_comes_again() {
        let mut unconfirmed = given([3, 4]);
        unconfirmed.session_lost();
        assert!(!unconfirmed.may_go(3) && !unconfirmed.may_go(4));
        unconfirmed.arrived(3);
        assert!(unconfirmed.may_go(3) && !unconfirmed.may_go(4));
        unconfirmed.arrived(4);
        assert!(unconfirmed.may_go(3) && !unconfirmed.may_go(4));
        unconfirmed.confirmed(3);
        assert!(unconfirmed.may_go(4));
    }

    #[test]
    fn what_is_not_kept_here_is_given_up() {
        let mut unconfirmed = given([2, 3, 4, 5]);
        assert!(unconfirmed.give_up_before(5, |offset| offset == 3));
        assert!(!unconfirmed.contains(2) && unconfirmed.contains(3) && !unconfirmed.contains(4));
        assert!(!unconfirmed.may_go(5));
        unconfirmed.confirmed(3);
        assert!(!unconfirmed.give_up_before(5, |_| true));
        assert!(unconfirmed.may_go(5));
    }
}
