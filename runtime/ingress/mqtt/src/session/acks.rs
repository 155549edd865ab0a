//! What is to be acknowledged on this connection, in the order in which it came.

use std::collections::VecDeque;

/// One acknowledgement that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ack {
    position: u64,
    pub(super) packet_id: u16,
    /// PUBREC instead of PUBACK.
    pub(super) is_exactly_once: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Acks(VecDeque<Ack>);

impl Acks {
    pub(super) fn push(&mut self, position: u64, packet_id: u16, is_exactly_once: bool) {
        self.0.push_back(Ack {
            position,
            packet_id,
            is_exactly_once,
        });
    }

    /// The first one, if it is not behind this position.
    pub(super) fn next(&mut self, upto: u64) -> Option<Ack> {
        self.0.pop_front_if(|ack| ack.position <= upto)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
