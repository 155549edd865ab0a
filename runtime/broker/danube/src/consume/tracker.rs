//! What of a partition was read, is in hand, and was done with.
//!
//! A message's place is its offset, but brokers use offsets again: after a crash those of messages that were not yet on
//! disk, and without reliable dispatch 0 for every message. So places carry an epoch besides the partition's number: a
//! message that differs from the one known at its offset gets the next epoch, and an acknowledgement of the old one is
//! not one of the new one.

use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    time::Instant,
};

use danube_wasm_broker::MessageId;
use danube_wasm_model::identity::ID_ATTRIBUTE;
use danube_wasm_proto::api::{MsgId, StreamMessage};

use super::unconfirmed::Unconfirmed;
use crate::limits::{BUFFER_BYTES_MAX, BUFFER_MESSAGES_MAX, GIVEN_BACK_MAX, REMEMBERED_MAX};

/// Number of the partition in a message's id.
pub(super) fn number_of(id: MessageId) -> u32 {
    u32::try_from(id.partition >> 32).unwrap_or(u32::MAX)
}

/// What becomes of a message that was read.
#[derive(Debug, PartialEq)]
pub(super) enum Arrival {
    /// To be given out.
    Queued,
    /// The caller has it already.
    InHand,
    /// The caller is done with it: acknowledge it again.
    Done(MessageId, MsgId),
}

/// Whether an acknowledgement may be sent to a broker of Danube.
#[derive(Debug, PartialEq)]
pub(super) enum Turn {
    Now,
    /// When those before it are confirmed, or something newer has come.
    Later,
    /// The broker does not have the message in hand any more.
    Needless,
}

/// A message to give out.
pub(super) struct Given {
    pub(super) id: MessageId,
    pub(super) redeliveries: u32,
    pub(super) message: StreamMessage,
}

struct Held {
    fingerprint: u64,
    /// As the newest delivery names it.
    msg_id: MsgId,
    /// Whether the caller has it; else it is in the buffer.
    given: bool,
    /// How often it was given out before.
    redeliveries: u32,
}

struct Past {
    fingerprint: u64,
    id: MessageId,
    msg_id: MsgId,
    redeliveries: u32,
    /// Acknowledged by the caller; else given back.
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
    held: HashMap<MessageId, Held>,
    /// The newest message of each offset that is held.
    newest: HashMap<u64, MessageId>,
    past: HashMap<u64, Past>,
    /// Offsets of `past`, oldest first.
    remembered: VecDeque<u64>,
    /// Highest offset seen.
    highest: Option<u64>,
    unconfirmed: Unconfirmed,
}

impl Tracker {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            epoch: 0,
            buffer: VecDeque::new(),
            buffered_bytes: 0,
            held: HashMap::new(),
            newest: HashMap::new(),
            past: HashMap::new(),
            remembered: VecDeque::new(),
            highest: None,
            unconfirmed: Unconfirmed::default(),
        }
    }

    /// Whether another message may be read.
    pub(super) fn has_room(&self) -> bool {
        self.buffer.len() < BUFFER_MESSAGES_MAX && self.buffered_bytes < BUFFER_BYTES_MAX
    }

    /// A message was read.
    pub(super) fn arrive(&mut self, message: StreamMessage) -> Arrival {
        let msg_id = message.msg_id.clone().unwrap_or_default();
        let offset = msg_id.topic_offset;
        let fingerprint = fingerprint(&message);
        self.highest = self.highest.max(Some(offset));
        self.unconfirmed.arrived(offset);
        let mut id = self.place(offset);
        let mut redeliveries = 0;
        if let Some(newest) = self.newest.get(&offset) {
            if let Some(held) = self.held.get_mut(newest).filter(|held| held.fingerprint == fingerprint) {
                held.msg_id = msg_id;
                return Arrival::InHand;
            }
            id = self.next_epoch(offset);
        } else if let Some(past) = self.past.get_mut(&offset) {
            match past.fingerprint == fingerprint {
                true if past.done => {
                    past.msg_id = msg_id.clone();
                    past.confirmed = false;
                    return Arrival::Done(past.id, msg_id);
                }
                true => {
                    id = past.id;
                    redeliveries = past.redeliveries + 1;
                }
                false => id = self.next_epoch(offset),
            }
        }
        let held = Held {
            fingerprint,
            msg_id,
            given: false,
            redeliveries,
        };
        self.held.insert(id, held);
        self.newest.insert(offset, id);
        self.buffered_bytes += message.payload.len();
        self.buffer.push_back((id, message));
        Arrival::Queued
    }

    /// Whether what waits to be given out is so much that no more should be published.
    pub(super) fn is_half_full(&self) -> bool {
        self.buffered_bytes >= BUFFER_BYTES_MAX / 2
    }

    /// How many the broker has given in this session and not been told to be done with.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unconfirmed.in_session().max(self.held.len())
    }

    /// Up to `max` messages to give out.
    pub(super) fn give(&mut self, max: usize) -> Vec<Given> {
        let n = max.min(self.buffer.len());
        let mut given = Vec::with_capacity(n);
        for (id, message) in self.buffer.drain(..n) {
            self.buffered_bytes -= message.payload.len();
            let Some(held) = self.held.get_mut(&id) else {
                continue;
            };
            held.given = true;
            given.push(Given {
                id,
                redeliveries: held.redeliveries,
                message,
            });
        }
        given
    }

    /// The caller is done with a message: whether it was in hand, and what to acknowledge, if anything is left to.
    /// `None` if there never was such a message.
    pub(super) fn done(&mut self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.settle(id, true)
    }

    /// The caller gives a message back; as [`Self::done`].
    pub(super) fn given_back(&mut self, id: MessageId) -> Option<(bool, Option<MsgId>)> {
        self.settle(id, false)
    }

    fn settle(&mut self, id: MessageId, done: bool) -> Option<(bool, Option<MsgId>)> {
        let Some(held) = self.held.remove_if_given(&id) else {
            return self.settle_again(id, done);
        };
        if self.newest.get(&id.offset) != Some(&id) {
            // The broker has another message there by now; this one it has lost.
            return Some((true, None));
        }
        self.newest.remove(&id.offset);
        let msg_id = held.msg_id.clone();
        self.remember(Past {
            fingerprint: held.fingerprint,
            id,
            msg_id: held.msg_id,
            redeliveries: held.redeliveries,
            done,
            confirmed: false,
            since: Instant::now(),
        });
        Some((true, Some(msg_id)))
    }

    /// Said before: an acknowledgement that was not confirmed is sent again.
    fn settle_again(&mut self, id: MessageId, done: bool) -> Option<(bool, Option<MsgId>)> {
        let past = self.past.get(&id.offset).filter(|past| past.id == id);
        match past {
            Some(past) if done && past.done && !past.confirmed => Some((false, Some(past.msg_id.clone()))),
            Some(_) => Some((false, None)),
            // Forgotten, or of an earlier epoch.
            None => (self.highest >= Some(id.offset)).then_some((false, None)),
        }
    }

    /// Whether a message that the caller is done with may be acknowledged at the broker.
    /// If nothing is `ordered`, as soon as it is there.
    pub(super) fn turn(&self, id: MessageId, ordered: bool) -> Turn {
        match () {
            () if self.is_replaced(id) => Turn::Needless,
            () if !ordered || self.is_without_places() || self.unconfirmed.may_go(id.offset) => Turn::Now,
            () => Turn::Later,
        }
    }

    /// As [`Self::turn`], for one that has waited for long. What was given back may have gone to another consumer, unless
    /// there can be none (`alone`); then it comes again, at some time.
    pub(super) fn turn_at_last(&mut self, id: MessageId, alone: bool) -> Turn {
        let turn = self.turn(id, true);
        if turn != Turn::Later {
            return turn;
        }
        if !self.unconfirmed.is_given(id.offset) {
            // Not in the broker's hands; if it is given again nevertheless, it is acknowledged then.
            self.unconfirmed.confirmed(id.offset);
            return Turn::Needless;
        }
        let (newest, past) = (&self.newest, &self.past);
        let is_expected = |past: &Past| {
            let is_fresh = past.since.elapsed() < GIVEN_BACK_MAX;
            match past.done {
                true => !past.confirmed && (alone || is_fresh),
                false => alone && is_fresh,
            }
        };
        let kept = |older| newest.contains_key(&older) || past.get(&older).is_some_and(is_expected);
        match self.unconfirmed.keep_before(id.offset, kept) {
            true => Turn::Now,
            false => Turn::Later,
        }
    }

    /// Another message has its offset by now: the broker has lost this one.
    fn is_replaced(&self, id: MessageId) -> bool {
        let is_another = |known: &MessageId| *known != id;
        let past = self.past.get(&id.offset).map(|past| &past.id);
        self.newest.get(&id.offset).or(past).is_some_and(is_another)
    }

    /// The broker has confirmed an acknowledgement.
    pub(super) fn confirmed(&mut self, id: MessageId) {
        if !self.is_replaced(id) {
            self.unconfirmed.confirmed(id.offset);
        }
        if let Some(past) = self.past.get_mut(&id.offset).filter(|past| past.id == id) {
            past.confirmed = true;
        }
    }

    /// The session ended. What was not given out comes again, perhaps to another consumer; without reliable dispatch
    /// it does not, and is kept.
    pub(super) fn session_lost(&mut self) {
        self.unconfirmed.session_lost();
        if self.is_without_places() {
            return;
        }
        for (id, _) in self.buffer.drain(..) {
            self.held.remove(&id);
            if self.newest.get(&id.offset) == Some(&id) {
                self.newest.remove(&id.offset);
            }
        }
        self.buffered_bytes = 0;
    }

    /// Without reliable dispatch, or with nothing yet that has an older one.
    fn is_without_places(&self) -> bool {
        self.highest.is_none_or(|highest| highest == 0)
    }

    fn place(&self, offset: u64) -> MessageId {
        MessageId {
            partition: u64::from(self.number) << 32 | u64::from(self.epoch),
            offset,
        }
    }

    fn next_epoch(&mut self, offset: u64) -> MessageId {
        self.epoch = self.epoch.wrapping_add(1);
        self.unconfirmed.cut_off(offset);
        self.place(offset)
    }

    fn remember(&mut self, past: Past) {
        let offset = past.id.offset;
        if self.past.insert(offset, past).is_none() {
            self.remembered.push_back(offset);
        }
        while self.remembered.len() > REMEMBERED_MAX {
            if let Some(oldest) = self.remembered.pop_front() {
                self.past.remove(&oldest);
            }
        }
    }
}

trait RemoveIfGiven {
    fn remove_if_given(&mut self, id: &MessageId) -> Option<Held>;
}

impl RemoveIfGiven for HashMap<MessageId, Held> {
    fn remove_if_given(&mut self, id: &MessageId) -> Option<Held> {
        match self.get(id) {
            Some(held) if held.given => self.remove(id),
            _ => None,
        }
    }
}

/// Tells messages apart. Records of this runtime by their id; others by what they are.
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
