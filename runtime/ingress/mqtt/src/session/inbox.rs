//! What has come and was not taken yet.

use std::collections::VecDeque;

use crate::packets::{Message, Qos, Unfit};

/// What has come.
#[derive(Debug, Clone)]
pub(crate) enum Arrived {
    Message(Message),
    Unfit(Unfit),
}

/// What has come, with its number on the connection.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) position: u64,
    pub(crate) what: Arrived,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Arrival>,
    bytes: usize,
    without_ack: usize,
    position: u64,
}

impl Arrived {
    fn message(&self) -> &Message {
        match self {
            Self::Message(message) => message,
            Self::Unfit(unfit) => &unfit.message,
        }
    }

    fn qos(&self) -> Qos {
        self.message().qos
    }

    fn bytes(&self) -> usize {
        self.message().topic.len() + self.message().payload.len()
    }
}

impl Inbox {
    /// Gives its position.
    pub(super) fn push(&mut self, what: Arrived) -> u64 {
        self.position += 1;
        self.bytes += what.bytes();
        self.without_ack += usize::from(what.qos() == Qos::AtMostOnce);
        self.waiting.push_back(Arrival {
            position: self.position,
            what,
        });
        self.position
    }

    /// What the last one is to be acknowledged with, if at all: its packet id, and whether by PUBREC.
    pub(super) fn last_ack(&self) -> Option<(u16, bool)> {
        let last = &self.waiting.back()?.what;
        let qos = last.qos();
        (qos != Qos::AtMostOnce).then(|| (last.message().packet_id, qos == Qos::ExactlyOnce))
    }

    pub(super) fn take(&mut self, events: usize, bytes: usize) -> VecDeque<Arrival> {
        let mut taken = VecDeque::new();
        let mut taken_bytes = 0;
        while taken.len() < events && taken_bytes < bytes {
            let Some(next) = self.waiting.pop_front() else { break };
            taken_bytes += next.what.bytes();
            self.without_ack -= usize::from(next.what.qos() == Qos::AtMostOnce);
            taken.push_back(next);
        }
        self.bytes -= taken_bytes;
        taken
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many wait that the broker does not count.
    pub(super) fn without_ack(&self) -> usize {
        self.without_ack
    }
}
