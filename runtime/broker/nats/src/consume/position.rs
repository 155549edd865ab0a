//! How far an owner is in the deliveries of a durable consumer. Pure: no clock, no network.
//!
//! The server numbers deliveries without gaps, but does not redeliver in order: what was lost on the way here comes again
//! after `ack_wait`, behind newer messages. So order is kept here. A delivery counts only if its number is the next one;
//! otherwise it is thrown away, and the server is set back to its floor of acknowledgements, from where all comes again in
//! the order of the stream. What is in the in_flight then only gets a new place of acknowledgement, and what is not there
//! although it came before is acknowledged already.
//!
//! An owner that follows another cannot have the server set back, because it does not know what the other one has
//! acknowledged behind the floor. It gives nothing until everything that is pending has come to it.

use super::durable::ConsumerInfo;
use crate::delivery_subject::DeliverySubject;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Position {
    epoch: u64,
    /// Whether the consumer has a filter, so that sequences of the stream have gaps for it.
    filtered: bool,
    /// Number of the next delivery.
    expected: u64,
    /// The newest sequence of the stream since deliveries were numbered from their beginning.
    newest: u64,
    /// Everything up to this sequence has come once: what is not in the in_flight is acknowledged.
    high: u64,
    /// What an owner before had, and has not come yet.
    left: Option<Left>,
    /// Sequences that were missing between two, although the server was set back: they are gone.
    gone: Option<(u64, u64)>,
}

/// Messages that were delivered to an owner before, and are not acknowledged.
#[derive(Debug, Clone, Copy)]
struct Left {
    up_to: u64,
    number: u64,
}

/// What a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A message that has not come before.
    New,
    /// One that is in the in_flight.
    Again,
    /// One that is acknowledged; the server has lost that.
    Settled,
    /// Something is missing before it, or the position was moved: it does not count.
    OutOfStep,
}

impl Position {
    /// Of a new owner.
    pub(super) fn new(info: &ConsumerInfo) -> Self {
        let delivered = info.delivered;
        let left = Left {
            up_to: delivered.stream_seq,
            number: info.num_ack_pending,
        };
        Self {
            epoch: info.epoch(),
            filtered: info.is_filtered(),
            expected: delivered.consumer_seq + 1,
            newest: delivered.stream_seq,
            high: delivered.stream_seq,
            left: (left.number > 0).then_some(left),
            gone: None,
        }
    }

    /// The server was set back to its floor.
    pub(super) fn set_back(&mut self, info: &ConsumerInfo) {
        self.expected = info.delivered.consumer_seq + 1;
        self.newest = info.delivered.stream_seq;
    }

    /// What is delivered, if `is_known` says whether it is in the in_flight.
    pub(super) fn classify(&mut self, delivery: &DeliverySubject, is_known: bool) -> Verdict {
        let sequence = delivery.stream_sequence;
        if delivery.consumer_sequence != self.expected {
            return Verdict::OutOfStep;
        }
        if let Some(left) = self.left.as_mut().filter(|left| sequence <= left.up_to) {
            self.expected += 1;
            left.number -= u64::from(!is_known);
            if left.number == 0 {
                self.left = None;
            }
            return if is_known { Verdict::Again } else { Verdict::New };
        }
        if sequence <= self.newest {
            // It comes again by itself, because nobody said in time that it is being worked on.
            return match (delivery.deliveries, is_known) {
                (..=1, _) => Verdict::OutOfStep,
                (_, true) => self.next(Verdict::Again),
                (_, false) => self.next(Verdict::Settled),
            };
        }
        let missing = (self.newest, sequence);
        if !self.filtered && sequence > self.newest + 1 && self.gone != Some(missing) {
            self.gone = Some(missing);
            return Verdict::OutOfStep;
        }
        self.newest = sequence;
        if sequence > self.high {
            self.high = sequence;
            return self.next(Verdict::New);
        }
        self.next(if is_known { Verdict::Again } else { Verdict::Settled })
    }

    fn next(&mut self, verdict: Verdict) -> Verdict {
        self.expected += 1;
        verdict
    }

    /// Whether everything that the server has delivered has come.
    pub(super) fn is_in_step(&self, info: &ConsumerInfo) -> bool {
        info.delivered.consumer_seq + 1 == self.expected
    }

    /// Whether somebody has moved the position since.
    pub(super) fn is_moved(&self, info: &ConsumerInfo) -> bool {
        info.epoch() != self.epoch
    }

    /// Whether messages of an owner before have not come yet: until then none may be given.
    pub(super) fn waits(&self) -> bool {
        self.left.is_some()
    }

    /// At most how many messages are to come that need no room: they are here, or must come before others may go.
    pub(super) fn to_come(&self) -> u64 {
        match self.left {
            Some(left) => left.number,
            None => self.high.saturating_sub(self.newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Verdict::*, *};

    fn info(delivered: (u64, u64), pending: u64) -> ConsumerInfo {
        let (consumer_seq, stream_seq) = delivered;
        serde_json::from_value(json!({
            "name": "c", "config": {}, "num_ack_pending": pending,
            "delivered": {"consumer_seq": consumer_seq, "stream_seq": stream_seq},
        }))
        .expect("is one")
    }

    fn delivery(consumer_sequence: u64, stream_sequence: u64, deliveries: u32) -> DeliverySubject {
        DeliverySubject {
            deliveries,
            stream_sequence,
            consumer_sequence,
            stored_ms: 0,
        }
    }

    #[test]
    fn what_is_lost_on_the_way_is_noticed_and_comes_again_in_order() {
        let mut position = Position::new(&info((0, 0), 0));
        assert_eq!(position.classify(&delivery(1, 1, 1), false), New);
        assert_eq!(position.classify(&delivery(2, 2, 1), false), New);
        // 3 and 4 went to a connection that broke.
        assert_eq!(position.classify(&delivery(5, 5, 1), false), OutOfStep);
        assert!(!position.is_in_step(&info((5, 5), 5)));
        // 1 was acknowledged, which the server has lost.
        position.set_back(&info((0, 0), 0));
        assert_eq!(position.to_come(), 2);
        assert_eq!(position.classify(&delivery(1, 1, 1), false), Settled);
        assert_eq!(position.classify(&delivery(2, 2, 1), true), Again);
        assert_eq!(position.to_come(), 0);
        assert_eq!(position.classify(&delivery(3, 3, 1), false), New);
        assert!(position.is_in_step(&info((3, 3), 3)));
    }

    #[test]
    fn what_comes_again_by_itself_is_not_new() {
        let mut position = Position::new(&info((0, 0), 0));
        assert_eq!(position.classify(&delivery(1, 1, 1), false), New);
        assert_eq!(position.classify(&delivery(2, 1, 2), true), Again);
        assert_eq!(position.classify(&delivery(3, 1, 3), false), Settled);
        assert_eq!(position.classify(&delivery(4, 2, 1), false), New);
        // A server that was killed has forgotten deliveries, or the position was moved.
        assert_eq!(position.classify(&delivery(5, 1, 1), false), OutOfStep);
        assert_eq!(position.classify(&delivery(2, 2, 1), true), OutOfStep);
    }

    #[test]
    fn a_new_owner_waits_for_everything_that_another_had() {
        // 3 and 5 are not acknowledged.
        let mut position = Position::new(&info((9, 6), 2));
        assert!(position.waits());
        assert_eq!(position.classify(&delivery(10, 5, 2), false), New);
        assert_eq!(position.classify(&delivery(11, 7, 1), false), New);
        assert!(position.waits());
        assert_eq!(position.classify(&delivery(12, 5, 3), true), Again);
        assert!(position.waits());
        assert_eq!(position.classify(&delivery(13, 3, 2), false), New);
        assert!(!position.waits());
        assert_eq!(position.classify(&delivery(14, 8, 1), false), New);
    }

    #[test]
    fn sequences_that_are_gone_are_asked_for_once() {
        let mut position = Position::new(&info((0, 0), 0));
        assert_eq!(position.classify(&delivery(1, 1, 1), false), New);
        assert_eq!(position.classify(&delivery(2, 4, 1), false), OutOfStep);
        position.set_back(&info((0, 0), 0));
        assert_eq!(position.classify(&delivery(1, 1, 1), true), Again);
        assert_eq!(position.classify(&delivery(2, 4, 1), false), New);
    }
}
