//! Tracks the messages of a partition that were read, delivered and acknowledged.
//!
//! A message is identified by its offset, but brokers reuse offsets: after a crash those of messages that were not on
//! disk yet, and without reliable dispatch every message has offset 0. So a message id has an epoch besides the
//! partition's number: a message that differs from the known one at its offset gets the next epoch, and an
//! acknowledgement of the old one is not one of the new one.

use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    time::Instant,
};

use danube_wasm_broker::MessageId;
use danube_wasm_model::identity::ID_ATTRIBUTE;
use danube_wasm_proto::api::{MsgId, StreamMessage};

use super::unconfirmed::UnconfirmedAcks;
use crate::limits::{BUFFER_BYTES_MAX, BUFFER_MESSAGES_MAX, GIVEN_BACK_MAX, REMEMBERED_MAX};

/// Number of the partition in a message's id.
pub(super) fn number_of(id: MessageId) -> u32 {
    u32::try_from(id.partition >> 32).unwrap_or(u32::MAX)
}

/// What happens to a message that was read.
#[derive(Debug, PartialEq)]
pub(super) enum Arrival {
    /// Queued for delivery.
    Queued,
    /// The caller has it already.
    AlreadyDelivered,
    /// The caller has acknowledged it: acknowledge it again.
    AlreadyAcked(MessageId, MsgId),
}

/// Whether an acknowledgement may be sent to a broker of Danube.
#[derive(Debug, PartialEq)]
pub(super) enum AckTurn {
    Now,
    /// When earlier ones are confirmed, or a newer one has arrived.
    Later,
    /// The broker does not wait for this message any more.
    Needless,
}

/// A message to deliver.
pub(super) struct TrackedMessage {
    pub(super) id: MessageId,
    pub(super) redeliveries: u32,
    pub(super) message: StreamMessage,
}

struct Unacked {
    fingerprint: u64,
    /// Its id in the newest delivery.
    msg_id: MsgId,
    /// Whether the caller has it; otherwise it is in the buffer.
    delivered: bool,
    /// Number of earlier deliveries.
    redeliveries: u32,
}

struct Settled {
    fingerprint: u64,
    id: MessageId,
    msg_id: MsgId,
    redeliveries: u32,
    /// Acknowledged by the caller; otherwise negatively acknowledged.
    done: bool,
    /// The broker has confirmed the acknowledgement of its newest delivery.
    confirmed: bool,
    since: Instant,
}

/// See the module.
pub(super) struct Tracker {
    number: u32,
    epoch: u32,
    buffer: VecDeque<(MessageId, StreamMessage)>,
    buffered_bytes: usize,
    unacked: HashMap<MessageId, Unacked>,
    /// The newest unacknowledged message of each offset.
    newest: HashMap<u64, MessageId>,
    settled: HashMap<u64, Settled>,
    /// Offsets of `settled`, oldest first.
    remembered: VecDeque<u64>,
    /// Highest offset seen.
    highest: Option<u64>,
    unconfirmed: UnconfirmedAcks,
}

impl Tracker {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            epoch: 0,
            buffer: VecDeque::new(),
            buffered_bytes: 0,
            unacked: HashMap::new(),
            newest: HashMap::new(),
            settled: HashMap::new(),
            remembered: VecDeque::new(),
            highest: None,
            unconfirmed: UnconfirmedAcks::default(),
        }
    }

    /// Whether another message may be read.
    pub(super) fn has_room(&self) -> bool {
        self.buffer.len() < BUFFER_MESSAGES_MAX && self.buffered_bytes < BUFFER_BYTES_MAX
    }

    /// Records a message that was read.
    pub(super) fn record_arrival(&mut self, message: StreamMessage) -> Arrival {
        let msg_id = message.msg_id.clone().unwrap_or_default();
        let offset = msg_id.topic_offset;
        let fingerprint = fingerprint(&message);
        self.highest = self.highest.max(Some(offset));
        self.unconfirmed.arrived(offset);
        let mut id = self.message_id(offset);
        let mut redeliveries = 0;
        if let Some(newest) = self.newest.get(&offset) {
            if let Some(unacked) = self
                .unacked
                .get_mut(newest)
                .filter(|unacked| unacked.fingerprint == fingerprint)
            {
                unacked.msg_id = msg_id;
                return Arrival::AlreadyDelivered;
            }
            id = self.next_epoch(offset);
        } else if let Some(settled) = self.settled.get_mut(&offset) {
            match settled.fingerprint == fingerprint {
                true if settled.done => {
                    settled.msg_id = msg_id.clone();
                    settled.confirmed = false;
                    return Arrival::AlreadyAcked(settled.id, msg_id);
                }
                true => {
                    id = settled.id;
                    redeliveries = settled.redeliveries + 1;
                }
                false => id = self.next_epoch(offset),
            }
        }
        let unacked = Unacked {
            fingerprint,
            msg_id,
            delivered: false,
            redeliveries,
        };
        self.unacked.insert(id, unacked);
        self.newest.insert(offset, id);
        self.buffered_bytes += message.payload.len();
        self.buffer.push_back((id, message));
        Arrival::Queued
    }

    /// Whether the buffered messages are so many that no more should be published.
    pub(super) fn is_half_full(&self) -> bool {
        self.buffered_bytes >= BUFFER_BYTES_MAX / 2
    }

    /// Number of messages that the broker has delivered in this session and that are not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unconfirmed.in_session().max(self.unacked.len())
    }

    /// Delivers up to `max` messages.
    pub(super) fn deliver(&mut self, max: usize) -> Vec<TrackedMessage> {
        let n = max.min(self.buffer.len());
        let mut delivered = Vec::with_capacity(n);
        for (id, message) in self.buffer.drain(..n) {
            self.buffered_bytes -= message.payload.len();
            let Some(unacked) = self.unacked.get_mut(&id) else {
                continue;
            };
            unacked.delivered = true;
            delivered.push(TrackedMessage {
                id,
                redeliveries: unacked.redeliveries,
                message,
            });
        }
        delivered
    }

    /// The caller acknowledges a message. Returns whether it was delivered and unacknowledged, and the id to
    /// acknowledge, if that is still necessary. `None` if there never was such a message.
    pub(super) fn ack(&mut self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.settle(id, true)
    }

    /// The caller negatively acknowledges a message; returns the same as [`Self::ack`].
    pub(super) fn nack(&mut self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.settle(id, false)
    }

    fn settle(&mut self, id: MessageId, done: bool) -> Option<(bool, Option<MsgId>)> {
        let Some(unacked) = self.unacked.remove_if_delivered(&id) else {
            return self.settle_again(id, done);
        };
        if self.newest.get(&id.offset) != Some(&id) {
            // The broker has another message at this offset now; it has lost this one.
            return Some((true, None));
        }
        self.newest.remove(&id.offset);
        let msg_id = unacked.msg_id.clone();
        self.remember_settled(Settled {
            fingerprint: unacked.fingerprint,
            id,
            msg_id: unacked.msg_id,
            redeliveries: unacked.redeliveries,
            done,
            confirmed: false,
            since: Instant::now(),
        });
        Some((true, Some(msg_id)))
    }

    /// Acknowledged before: if that was not confirmed, it is sent again.
    fn settle_again(&mut self, id: MessageId, done: bool) -> Option<(bool, Option<MsgId>)> {
        let settled = self.settled.get(&id.offset).filter(|settled| settled.id == id);
        match settled {
            Some(settled) if done && settled.done && !settled.confirmed => Some((false, Some(settled.msg_id.clone()))),
            Some(_) => Some((false, None)),
            // Forgotten, or of an earlier epoch.
            None => (self.highest >= Some(id.offset)).then_some((false, None)),
        }
    }

    /// Whether a message that the caller has acknowledged may be acknowledged at the broker: at once unless
    /// acknowledgements are `ordered`.
    pub(super) fn ack_turn(&self, id: MessageId, ordered: bool) -> AckTurn {
        match () {
            () if self.is_replaced(id) => AckTurn::Needless,
            () if !ordered || self.has_no_offsets() || self.unconfirmed.may_ack(id.offset) => AckTurn::Now,
            () => AckTurn::Later,
        }
    }

    /// Like [`Self::ack_turn`], for a message that has waited long. A negatively acknowledged message may have gone to
    /// another consumer, unless there can be none (`alone`); then it is delivered again at some time.
    pub(super) fn ack_turn_after_wait(&mut self, id: MessageId, alone: bool) -> AckTurn {
        let turn = self.ack_turn(id, true);
        if turn != AckTurn::Later {
            return turn;
        }
        if !self.unconfirmed.is_in_session(id.offset) {
            // Not delivered in this session; if it is delivered again, it is acknowledged then.
            self.unconfirmed.confirm_ack(id.offset);
            return AckTurn::Needless;
        }
        let (newest, settled) = (&self.newest, &self.settled);
        let is_expected = |settled: &Settled| {
            let is_fresh = settled.since.elapsed() < GIVEN_BACK_MAX;
            match settled.done {
                true => !settled.confirmed && (alone || is_fresh),
                false => alone && is_fresh,
            }
        };
        let kept = |older| newest.contains_key(&older) || settled.get(&older).is_some_and(is_expected);
        match self.unconfirmed.retain_before(id.offset, kept) {
            true => AckTurn::Now,
            false => AckTurn::Later,
        }
    }

    /// Whether another message has its offset now: the broker has lost this one.
    fn is_replaced(&self, id: MessageId) -> bool {
        let is_another = |known: &MessageId| *known != id;
        let settled = self.settled.get(&id.offset).map(|settled| &settled.id);
        self.newest.get(&id.offset).or(settled).is_some_and(is_another)
    }

    /// The broker has confirmed an acknowledgement.
    pub(super) fn confirm_ack(&mut self, id: MessageId) {
        if !self.is_replaced(id) {
            self.unconfirmed.confirm_ack(id.offset);
        }
        if let Some(settled) = self.settled.get_mut(&id.offset).filter(|settled| settled.id == id) {
            settled.confirmed = true;
        }
    }

    /// Ends the session. Messages that were not delivered are dropped, because the broker delivers them again, perhaps
    /// to another consumer; without reliable dispatch it does not, and they are kept.
    pub(super) fn session_lost(&mut self) {
        self.unconfirmed.session_lost();
        if self.has_no_offsets() {
            return;
        }
        for (id, _) in self.buffer.drain(..) {
            self.unacked.remove(&id);
            if self.newest.get(&id.offset) == Some(&id) {
                self.newest.remove(&id.offset);
            }
        }
        self.buffered_bytes = 0;
    }

    /// Whether every offset is 0: without reliable dispatch, or with only one message so far.
    fn has_no_offsets(&self) -> bool {
        self.highest.is_none_or(|highest| highest == 0)
    }

    fn message_id(&self, offset: u64) -> MessageId {
        MessageId {
            partition: u64::from(self.number) << 32 | u64::from(self.epoch),
            offset,
        }
    }

    fn next_epoch(&mut self, offset: u64) -> MessageId {
        self.epoch = self.epoch.wrapping_add(1);
        self.unconfirmed.forget_from(offset);
        self.message_id(offset)
    }

    fn remember_settled(&mut self, settled: Settled) {
        let offset = settled.id.offset;
        if self.settled.insert(offset, settled).is_none() {
            self.remembered.push_back(offset);
        }
        while self.remembered.len() > REMEMBERED_MAX {
            if let Some(oldest) = self.remembered.pop_front() {
                self.settled.remove(&oldest);
            }
        }
    }
}

trait RemoveIfDelivered {
    fn remove_if_delivered(&mut self, id: &MessageId) -> Option<Unacked>;
}

impl RemoveIfDelivered for HashMap<MessageId, Unacked> {
    fn remove_if_delivered(&mut self, id: &MessageId) -> Option<Unacked> {
        match self.get(id) {
            Some(unacked) if unacked.delivered => self.remove(id),
            _ => None,
        }
    }
}

/// A hash of a message: the id for records of this runtime, the content for others.
fn fingerprint(message: &StreamMessage) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.publish_time.hash(&mut hasher);
    message.producer_name.hash(&mut hasher);
    match message.attributes.get(ID_ATTRIBUTE) {
        Some(id) => id.hash(&mut hasher),
        None => message.payload.hash(&mut hasher),
    }
    hasher.finish()
}
