//! Tracks messages whose acknowledgement the broker has not confirmed, and decides when the newest of them may be
//! acknowledged.
//!
//! Danube 0.15 looks for unread messages after the newest unacknowledged one, or after those that are all acknowledged.
//! If the newest message of the log is acknowledged while an older one is not, it takes the newest for unread, waits
//! for it, and handles nothing else of the subscription (redeliveries, acknowledgements, new consumers) until something
//! is published. So the newest is acknowledged last. Messages of other consumers of a subscription are not known here:
//! with several consumers Danube may still stop. Brokers of this project do not need this.

use std::collections::BTreeSet;

use crate::limits::REMEMBERED_MAX;

/// See the module.
#[derive(Default)]
pub(super) struct UnconfirmedAcks {
    /// Delivered in this session.
    session: BTreeSet<u64>,
    /// Delivered in earlier sessions and not yet in this one.
    before: BTreeSet<u64>,
}

impl UnconfirmedAcks {
    /// Records a delivery.
    pub(super) fn arrived(&mut self, offset: u64) {
        self.before.remove(&offset);
        self.session.insert(offset);
        bound(&mut self.session);
    }

    /// Records that the broker has confirmed its acknowledgement, or that it is not waited for any more.
    pub(super) fn confirm_ack(&mut self, offset: u64) {
        self.before.remove(&offset);
        self.session.remove(&offset);
    }

    /// Forgets messages of earlier sessions from this offset on: the broker has lost them.
    pub(super) fn forget_from(&mut self, offset: u64) {
        self.before.split_off(&offset);
    }

    pub(super) fn session_lost(&mut self) {
        self.before.append(&mut self.session);
        bound(&mut self.before);
    }

    /// Number of messages delivered in this session.
    pub(super) fn in_session(&self) -> usize {
        self.session.len()
    }

    /// Whether it was delivered in this session.
    pub(super) fn is_in_session(&self, offset: u64) -> bool {
        self.session.contains(&offset)
    }

    /// Whether it may be acknowledged: a newer message was delivered, or no older one is unconfirmed. In a new session,
    /// the newest of the earlier ones waits until it is delivered again, which is after the older ones.
    pub(super) fn may_ack(&self, offset: u64) -> bool {
        let is_newer = |newest: &u64| *newest > offset;
        if self.session.last().is_some_and(is_newer) {
            return true;
        }
        let is_newest = self.is_in_session(offset) || self.before.last() == Some(&offset);
        !is_newest || !self.has_older(offset)
    }

    fn has_older(&self, offset: u64) -> bool {
        let is_older = |oldest: &u64| *oldest < offset;
        // A message of an earlier session that is not delivered again is not waited for by the broker.
        let before = self.before.first().filter(|_| !self.is_in_session(offset));
        self.session.first().is_some_and(is_older) || before.is_some_and(is_older)
    }

    /// Keeps only those older messages of this session for which `kept` is true. Returns whether none is left.
    pub(super) fn retain_before(&mut self, offset: u64, kept: impl Fn(u64) -> bool) -> bool {
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

    fn delivered(offsets: impl IntoIterator<Item = u64>) -> UnconfirmedAcks {
        let mut unconfirmed = UnconfirmedAcks::default();
        offsets.into_iter().for_each(|offset| unconfirmed.arrived(offset));
        unconfirmed
    }

    #[test]
    fn only_the_newest_waits_and_only_for_what_is_before_it() {
        let mut unconfirmed = delivered([3, 4, 5]);
        assert!(unconfirmed.may_ack(3) && unconfirmed.may_ack(4) && !unconfirmed.may_ack(5));
        unconfirmed.confirm_ack(4);
        assert!(!unconfirmed.may_ack(5));
        unconfirmed.confirm_ack(3);
        assert!(unconfirmed.may_ack(5));
    }

    #[test]
    fn something_newer_lets_it_go_and_waits_in_its_place() {
        let mut unconfirmed = delivered([3, 4]);
        assert!(!unconfirmed.may_ack(4));
        unconfirmed.arrived(5);
        assert!(unconfirmed.may_ack(4) && !unconfirmed.may_ack(5));
    }

    #[test]
    fn in_a_new_session_the_newest_waits_until_it_is_given_again() {
        let mut unconfirmed = delivered([3, 4, 5]);
        unconfirmed.session_lost();
        assert!(unconfirmed.may_ack(3) && unconfirmed.may_ack(4) && !unconfirmed.may_ack(5));
        [3, 4].into_iter().for_each(|offset| unconfirmed.arrived(offset));
        assert!(unconfirmed.may_ack(3) && !unconfirmed.may_ack(4) && !unconfirmed.may_ack(5));
        unconfirmed.arrived(5);
        assert!(unconfirmed.may_ack(4) && !unconfirmed.may_ack(5));
        unconfirmed.confirm_ack(3);
        unconfirmed.confirm_ack(4);
        assert!(unconfirmed.may_ack(5));
    }

    #[test]
    fn what_a_crash_took_is_neither_newer_nor_older() {
        let mut unconfirmed = delivered([2, 3, 5]);
        unconfirmed.session_lost();
        [3, 4].into_iter().for_each(|offset| unconfirmed.arrived(offset));
        assert!(!unconfirmed.may_ack(4));
        unconfirmed.confirm_ack(3);
        assert!(unconfirmed.may_ack(4));
        unconfirmed.forget_from(4);
        unconfirmed.arrived(3);
        unconfirmed.session_lost();
        unconfirmed.arrived(3);
        assert!(!unconfirmed.may_ack(4));
    }

    #[test]
    fn one_alone_does_not_wait() {
        let mut unconfirmed = delivered([5]);
        assert!(unconfirmed.may_ack(5));
        unconfirmed.session_lost();
        assert!(unconfirmed.may_ack(5));
    }

    #[test]
    fn what_is_not_kept_is_waited_for_no_longer() {
        let mut unconfirmed = delivered([2, 3, 4, 5]);
        assert!(!unconfirmed.retain_before(5, |offset| offset == 3));
        assert!(!unconfirmed.is_in_session(2) && unconfirmed.is_in_session(3) && !unconfirmed.is_in_session(4));
        assert!(!unconfirmed.may_ack(5));
        unconfirmed.confirm_ack(3);
        assert!(unconfirmed.retain_before(5, |_| true) && unconfirmed.may_ack(5));
    }
}
