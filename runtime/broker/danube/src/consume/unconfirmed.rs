//! What the broker gave of a partition and was not seen to have taken back, and when the newest of it may be
//! acknowledged.
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
pub(super) struct Unconfirmed {
    /// Given in this session.
    session: BTreeSet<u64>,
    /// Given in earlier ones and not yet in this one.
    before: BTreeSet<u64>,
}

impl Unconfirmed {
    /// The broker has given it.
    pub(super) fn arrived(&mut self, offset: u64) {
        self.before.remove(&offset);
        self.session.insert(offset);
        bound(&mut self.session);
    }

    /// The broker has confirmed its acknowledgement, or it is not waited for any more.
    pub(super) fn confirmed(&mut self, offset: u64) {
        self.before.remove(&offset);
        self.session.remove(&offset);
    }

    /// The broker has lost what it gave at this place before, and all that was newer.
    pub(super) fn cut_off(&mut self, offset: u64) {
        self.before.split_off(&offset);
    }

    pub(super) fn session_lost(&mut self) {
        self.before.append(&mut self.session);
        bound(&mut self.before);
    }

    /// How many were given in this session.
    pub(super) fn in_session(&self) -> usize {
        self.session.len()
    }

    /// Whether it was given in this session.
    pub(super) fn is_given(&self, offset: u64) -> bool {
        self.session.contains(&offset)
    }

    /// Whether it may be acknowledged: something newer is in the broker's hands, or nothing older. In a new session, the
    /// newest of those before waits until it is given again, which is after what is older.
    pub(super) fn may_go(&self, offset: u64) -> bool {
        let is_newer = |newest: &u64| *newest > offset;
        if self.session.last().is_some_and(is_newer) {
            return true;
        }
        let is_newest = self.is_given(offset) || self.before.last() == Some(&offset);
        !is_newest || !self.is_after_another(offset)
    }

    fn is_after_another(&self, offset: u64) -> bool {
        let is_older = |oldest: &u64| *oldest < offset;
        // What is before this session and does not come again is not in the broker's hands.
        let before = self.before.first().filter(|_| !self.is_given(offset));
        self.session.first().is_some_and(is_older) || before.is_some_and(is_older)
    }

    /// Of what is older and given in this session, keeps only this: whether that is nothing.
    pub(super) fn keep_before(&mut self, offset: u64, kept: impl Fn(u64) -> bool) -> bool {
        self.session.retain(|older| *older >= offset || kept(*older));
        self.session.first().is_none_or(|oldest| *oldest >= offset)
    }
}

fn bound(offsets: &mut BTreeSet<u64>) {
    while offsets.len() > REMEMBERED_MAX {
        offsets.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(offsets: impl IntoIterator<Item = u64>) -> Unconfirmed {
        let mut unconfirmed = Unconfirmed::default();
        offsets.into_iter().for_each(|offset| unconfirmed.arrived(offset));
        unconfirmed
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
    fn in_a_new_session_the_newest_waits_until_it_is_given_again() {
        let mut unconfirmed = given([3, 4, 5]);
        unconfirmed.session_lost();
        assert!(unconfirmed.may_go(3) && unconfirmed.may_go(4) && !unconfirmed.may_go(5));
        [3, 4].into_iter().for_each(|offset| unconfirmed.arrived(offset));
        assert!(unconfirmed.may_go(3) && !unconfirmed.may_go(4) && !unconfirmed.may_go(5));
        unconfirmed.arrived(5);
        assert!(unconfirmed.may_go(4) && !unconfirmed.may_go(5));
        unconfirmed.confirmed(3);
        unconfirmed.confirmed(4);
        assert!(unconfirmed.may_go(5));
    }

    #[test]
    fn what_a_crash_took_is_neither_newer_nor_older() {
        let mut unconfirmed = given([2, 3, 5]);
        unconfirmed.session_lost();
        [3, 4].into_iter().for_each(|offset| unconfirmed.arrived(offset));
        assert!(!unconfirmed.may_go(4));
        unconfirmed.confirmed(3);
        assert!(unconfirmed.may_go(4));
        unconfirmed.cut_off(4);
        unconfirmed.arrived(3);
        unconfirmed.session_lost();
        unconfirmed.arrived(3);
        assert!(!unconfirmed.may_go(4));
    }

    #[test]
    fn one_alone_does_not_wait() {
        let mut unconfirmed = given([5]);
        assert!(unconfirmed.may_go(5));
        unconfirmed.session_lost();
        assert!(unconfirmed.may_go(5));
    }

    #[test]
    fn what_is_not_kept_is_waited_for_no_longer() {
        let mut unconfirmed = given([2, 3, 4, 5]);
        assert!(!unconfirmed.keep_before(5, |offset| offset == 3));
        assert!(!unconfirmed.is_given(2) && unconfirmed.is_given(3) && !unconfirmed.is_given(4));
        assert!(!unconfirmed.may_go(5));
        unconfirmed.confirmed(3);
        assert!(unconfirmed.keep_before(5, |_| true) && unconfirmed.may_go(5));
    }
}
