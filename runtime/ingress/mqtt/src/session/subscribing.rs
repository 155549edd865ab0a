//! Subscriptions that are asked for, and the broker's answers.

use std::collections::BTreeMap;

use crate::{
    limits::SUBSCRIBE_FILTERS_MAX,
    packets::{Qos, Subscription, qos_of},
};

/// The broker's answer to one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) filter: String,
    pub(crate) asked: Qos,
    pub(crate) outcome: Result<Qos, Refused>,
}

/// The broker's reason code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u8);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Subscribing {
    last_packet_id: u16,
    asked: BTreeMap<u16, Vec<Subscription>>,
    removals: Vec<u16>,
    granted: Vec<Granted>,
}

impl Subscribing {
    /// The packets to send: each has subscriptions of one id.
    pub(super) fn begin(&mut self, subscriptions: Vec<Subscription>) -> Vec<(u16, Vec<Subscription>)> {
        let mut packets = Vec::new();
        for same_id in subscriptions.chunk_by(|a, b| a.id == b.id) {
            for entries in same_id.chunks(SUBSCRIBE_FILTERS_MAX) {
                let packet_id = self.next_packet_id();
                self.asked.insert(packet_id, entries.to_vec());
                packets.push((packet_id, entries.to_vec()));
            }
        }
        packets
    }

    pub(super) fn begin_removal(&mut self) -> u16 {
        let packet_id = self.next_packet_id();
        self.removals.push(packet_id);
        packet_id
    }

    /// Whether that was asked, and is answered in full.
    pub(super) fn answer(&mut self, packet_id: u16, codes: &[u8]) -> bool {
        let Some(asked) = self.asked.remove(&packet_id).filter(|asked| asked.len() == codes.len()) else {
            return false;
        };
        self.granted
            .extend(asked.into_iter().zip(codes).map(|(asked, &code)| Granted {
                filter: asked.filter,
                asked: asked.qos,
                outcome: if code <= 2 {
                    Ok(qos_of(code))
                } else {
                    Err(Refused(code))
                },
            }));
        true
    }

    pub(super) fn removed(&mut self, packet_id: u16) {
        self.removals.retain(|waiting| *waiting != packet_id);
    }

    /// All of them, once none waits.
    pub(super) fn answered(&self) -> Option<&[Granted]> {
        (self.asked.is_empty() && self.removals.is_empty()).then_some(&self.granted)
    }

    /// Each is used once for each connection: the number of routes is limited.
    fn next_packet_id(&mut self) -> u16 {
        self.last_packet_id = self.last_packet_id.wrapping_add(1).max(1);
        self.last_packet_id
    }
}
