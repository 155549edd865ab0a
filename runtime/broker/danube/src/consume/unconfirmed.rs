//! What the broker has given of a partition and was not seen to have taken back, and when the newest of it may be
//! acknowledged.
//!
//! Danube 0.15 looks for unread messages above the newest that is unacknowledged, or up to which all are acknowledged.
//! If the newest of the log is acknowledged while an older one is not, it takes the newest for unread, waits for it, and
//! does nothing else for the subscription: not what is given back, nor acknowledged, nor who subscribes, until something
//! is published. So the newest is acknowledged last. Brokers of this project need no such care.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::limits::REMEMBERED_MAX;

/// Whether an acknowledgement may be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Turn {
    Now,
    /// When those before it are confirmed, something newer has come, or at this time.
    Later(Instant),
}

/// See the module.
pub(super) struct Unconfirmed {
    offsets: BTreeSet<u64>,
    /// How long the newest waits for those before it.
    patience: Duration,
    /// Since when it does, and those before which offset it waits for.
    waiting: Option<(Instant, u64)>,
}

impl Unconfirmed {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            offsets: BTreeSet::new(),
            patience,
            waiting: None,
        }
    }

    /// The broker has given it, perhaps again.
    pub(super) fn arrived(&mut self, offset: u64) {
        self.offsets.insert(offset);
        // Others may have got and acknowledged what this consumer lost.
        while self.offsets.len() > REMEMBERED_MAX {
            self.offsets.pop_first();
        }
    }

    /// The broker has confirmed its acknowledgement.
    pub(super) fn confirmed(&mut self, offset: u64) {
        self.offsets.remove(&offset);
        if self.waiting.is_some_and(|(_, below)| !self.is_older_than(below)) {
            self.waiting = None;
        }
    }

    /// The log was cut off above this offset.
    pub(super) fn cut_off(&mut self, offset: u64) {
        self.offsets.split_off(&offset.saturating_add(1));
    }

    /// Nothing can be confirmed for now, so waiting begins anew with the next session.
    pub(super) fn session_lost(&mut self) {
        self.waiting = None;
    }

    /// Whether this one may be acknowledged now. It is not waited for for ever: what waits too long is delivered again and
    /// at last set aside by the broker, and those before it may have been given to another consumer meanwhile.
    pub(super) fn turn(&mut self, offset: u64, now: Instant) -> Turn {
        if self.is_newer_than(offset) || !self.is_older_than(offset) {
            return Turn::Now;
        }
        let (since, below) = *self.waiting.get_or_insert((now, offset));
        let until = since + self.patience;
        if now < until {
            return Turn::Later(until);
        }
        self.offsets = self.offsets.split_off(&below);
        self.waiting = None;
        self.turn(offset, now)
    }

    fn is_older_than(&self, offset: u64) -> bool {
        self.offsets.first().is_some_and(|oldest| *oldest < offset)
    }

    fn is_newer_than(&self, offset: u64) -> bool {
        self.offsets.last().is_some_and(|newest| *newest > offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn given(offsets: impl IntoIterator<Item = u64>) -> (Unconfirmed, Instant) {
        let mut unconfirmed = Unconfirmed::new(PATIENCE);
        offsets.into_iter().for_each(|offset| unconfirmed.arrived(offset));
        (unconfirmed, Instant::now())
    }

    #[test]
    fn only_the_newest_waits_and_only_for_what_is_before_it() {
        let (mut unconfirmed, now) = given([3, 4, 5]);
        assert_eq!(unconfirmed.turn(3, now), Turn::Now);
        assert_eq!(unconfirmed.turn(4, now), Turn::Now);
        let later = Turn::Later(now + PATIENCE);
        assert_eq!(unconfirmed.turn(5, now), later);
        unconfirmed.confirmed(4);
        assert_eq!(unconfirmed.turn(5, now), later);
        unconfirmed.confirmed(3);
        assert_eq!(unconfirmed.turn(5, now), Turn::Now);
    }

    #[test]
    fn something_newer_lets_it_go_and_waits_in_its_place() {
        let (mut unconfirmed, now) = given([3, 4]);
        assert_eq!(unconfirmed.turn(4, now), Turn::Later(now + PATIENCE));
        unconfirmed.arrived(5);
        assert_eq!(unconfirmed.turn(4, now), Turn::Now);
        unconfirmed.confirmed(4);
        // What was waited for since then is waited for no longer.
        assert_eq!(unconfirmed.turn(5, now + PATIENCE / 2), Turn::Later(now + PATIENCE));
        assert_eq!(unconfirmed.turn(5, now + PATIENCE), Turn::Now);
        assert_eq!(unconfirmed.turn(6, now + PATIENCE), Turn::Later(now + PATIENCE * 2));
    }

    #[test]
    fn a_wait_that_was_in_vain_is_not_repeated() {
        let (mut unconfirmed, now) = given([3, 4]);
        assert_eq!(unconfirmed.turn(4, now), Turn::Later(now + PATIENCE));
        assert_eq!(unconfirmed.turn(4, now + PATIENCE), Turn::Now);
        unconfirmed.confirmed(4);
        unconfirmed.arrived(5);
        assert_eq!(unconfirmed.turn(5, now + PATIENCE), Turn::Now);
        // Unless it comes again.
        unconfirmed.arrived(3);
        let later = Turn::Later(now + PATIENCE * 2);
        assert_eq!(unconfirmed.turn(5, now + PATIENCE), later);
    }

    #[test]
    fn a_wait_that_is_over_is_not_counted_to_the_next() {
        let (mut unconfirmed, now) = given([3, 4]);
        assert_eq!(unconfirmed.turn(4, now), Turn::Later(now + PATIENCE));
        unconfirmed.confirmed(3);
        unconfirmed.confirmed(4);
        [5, 6].into_iter().for_each(|offset| unconfirmed.arrived(offset));
        let later = now + PATIENCE * 2;
        assert_eq!(unconfirmed.turn(6, later), Turn::Later(later + PATIENCE));
        unconfirmed.session_lost();
        let later = later + PATIENCE * 2;
        assert_eq!(unconfirmed.turn(6, later), Turn::Later(later + PATIENCE));
    }

    #[test]
    fn what_a_crash_took_is_not_the_newest() {
        let (mut unconfirmed, now) = given([3, 4, 5]);
        unconfirmed.cut_off(4);
        assert_eq!(unconfirmed.turn(4, now), Turn::Later(now + PATIENCE));
    }

    #[test]
    fn without_places_nothing_waits() {
        let (mut unconfirmed, now) = given([0, 0, 0]);
        assert_eq!(unconfirmed.turn(0, now), Turn::Now);
    }
}
