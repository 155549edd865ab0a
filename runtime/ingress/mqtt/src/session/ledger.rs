//! Which packet id was which event: what makes a message that comes again the same event.
//!
//! MQTT gives messages no identity, only a packet id of 16 bits that is used again once its message is acknowledged. A message
//! that the broker sends again (DUP) with the id and the bytes of one that is known is that one. Known is
//!
//! * what is in our hands: its id cannot be another's before we acknowledge it;
//! * what we have acknowledged without knowing whether the broker heard it (the connection broke), if it comes in its
//!   turn: the broker sends what it has not heard of again in the order in which it sent it first. A ping that was answered
//!   proves that it heard everything before it;
//! * what a process before this one noted, likewise.
//!
//! A ledger outlives connections, and ends with the broker's session: a new session has new packet ids.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::{Buf, BufMut, Bytes};

use crate::packets::{Digest, Message, Qos};

/// One message that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) session: u64,
    /// The order of first arrival, over all processes.
    pub(crate) number: u64,
    pub(crate) digest: Digest,
    pub(crate) event_id: String,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recognised {
    /// This event, again.
    Same(String),
    /// Durable already: only our acknowledgement was lost.
    Recorded,
    /// It comes again, and nothing here knows it: ask what a former process noted, and [`Ledger::recall`] it.
    Unknown,
    New,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InHand,
    /// Acknowledged when so many pings were sent, or noted by a former process.
    Acknowledged,
    /// QoS 2: PUBREC was sent, PUBREL has not come.
    Recorded,
}

#[derive(Debug, Clone)]
struct Entry {
    note: Note,
    state: State,
    /// Whether its note is kept.
    is_kept: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    session: u64,
    next_number: u64,
    entries: HashMap<u16, Entry>,
    /// Acknowledged ones by the number of pings before, in that order.
    unproven: VecDeque<(u64, u16, u64)>,
    /// Notes that are not durable yet.
    to_keep: BTreeMap<u16, Note>,
    /// No longer needed; their notes can go.
    forgotten: BTreeSet<u16>,
    /// Number of the last message that came again on this connection, for QoS 1 and 2.
    last_again: [u64; 2],
}

impl Note {
    /// As it is kept.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(32 + self.event_id.len());
        bytes.put_u64(self.session);
        bytes.put_u64(self.number);
        bytes.put_slice(&self.digest);
        bytes.put_slice(self.event_id.as_bytes());
        bytes.into()
    }

    /// None if it is no such note.
    pub(crate) fn from_bytes(mut bytes: Bytes) -> Option<Self> {
        if bytes.len() < 32 {
            return None;
        }
        let (session, number) = (bytes.get_u64(), bytes.get_u64());
        let mut digest = Digest::default();
        bytes.copy_to_slice(&mut digest);
        let event_id = String::from_utf8(bytes.to_vec()).ok()?;
        danube_wasm_model::identity::is_event_id(&event_id).then_some(Self {
            session,
            number,
            digest,
            event_id,
        })
    }
}

impl Ledger {
    /// Of this session of the broker's; `run` counts our processes, so that numbers rise from one to the next.
    pub(crate) fn new(session: u64, run: u64) -> Self {
        Self {
            session,
            next_number: run << 40 | 1,
            entries: HashMap::new(),
            unproven: VecDeque::new(),
            to_keep: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            last_again: [0; 2],
        }
    }

    /// A connection begins, in the same session of the broker's or in a new one.
    pub(crate) fn connected(&mut self, session: u64) {
        self.last_again = [0; 2];
        if session != self.session {
            self.session = session;
            let kept = self.entries.drain().filter(|(_, entry)| entry.is_kept);
            self.forgotten.extend(kept.map(|(packet_id, _)| packet_id));
            self.unproven.clear();
            self.to_keep.clear();
        }
        for (mark, ..) in &mut self.unproven {
            *mark = 0;
        }
    }

    /// What this message is. Only asked for messages that are acknowledged.
    pub(crate) fn recognise(&mut self, message: &Message, digest: &Digest) -> Recognised {
        if !message.dup {
            return Recognised::New;
        }
        let last = &mut self.last_again[usize::from(message.qos == Qos::ExactlyOnce)];
        match self.entries.get_mut(&message.packet_id) {
            None => Recognised::Unknown,
            Some(entry) if entry.note.digest != *digest => Recognised::New,
            Some(entry) if entry.state == State::Recorded && message.qos == Qos::ExactlyOnce => Recognised::Recorded,
            Some(entry) if entry.state == State::InHand || entry.note.number > *last => {
                entry.state = State::InHand;
                *last = entry.note.number.max(*last);
                Recognised::Same(entry.note.event_id.clone())
            }
            Some(_) => Recognised::New,
        }
    }

    /// A former process noted this. Ask [`Self::recognise`] again.
    pub(crate) fn recall(&mut self, packet_id: u16, note: Option<Note>) -> bool {
        let note = note.filter(|note| note.session == self.session);
        let is_known = note.is_some();
        if let Some(note) = note {
            self.entries.insert(
                packet_id,
                Entry {
                    note,
                    state: State::Acknowledged,
                    is_kept: true,
                },
            );
        }
        is_known
    }

    /// A message that was not known is this event. Its note is to be kept, or not.
    pub(crate) fn enter(&mut self, packet_id: u16, digest: Digest, event_id: String, is_kept: bool) {
        let note = Note {
            session: self.session,
            number: self.next_number,
            digest,
            event_id,
        };
        self.next_number += 1;
        // Of the message before, whose note is overwritten, or has to go.
        let before = self.entries.insert(
            packet_id,
            Entry {
                note: note.clone(),
                state: State::InHand,
                is_kept,
            },
        );
        match is_kept {
            true => {
                self.forgotten.remove(&packet_id);
                self.to_keep.insert(packet_id, note);
            }
            false => self.forget(packet_id, before),
        }
    }

    /// The number that the next message gets.
    #[cfg(test)]
    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// A PUBACK goes out, behind so many pings.
    pub(super) fn acknowledged(&mut self, packet_id: u16, pings: u64) {
        if let Some(entry) = self.entries.get_mut(&packet_id) {
            entry.state = State::Acknowledged;
            self.unproven.push_back((pings, packet_id, entry.note.number));
        }
    }

    /// A PUBREC goes out.
    pub(super) fn recorded(&mut self, packet_id: u16) {
        if let Some(entry) = self.entries.get_mut(&packet_id) {
            entry.state = State::Recorded;
        }
    }

    /// A PUBREL has come. Whether the message was known.
    pub(super) fn released(&mut self, packet_id: u16) -> bool {
        let entry = self.entries.remove(&packet_id);
        let is_known = entry.is_some();
        if !is_known {
            // A former process may have noted it.
            self.forgotten.insert(packet_id);
        }
        self.forget(packet_id, entry);
        is_known
    }

    fn forget(&mut self, packet_id: u16, entry: Option<Entry>) {
        if entry.is_some_and(|entry| entry.is_kept) {
            self.to_keep.remove(&packet_id);
            self.forgotten.insert(packet_id);
        }
    }

    /// So many pings of this connection are answered: the broker has heard what was sent before them.
    pub(super) fn proven(&mut self, pings: u64) {
        while let Some((_, packet_id, number)) = self.unproven.pop_front_if(|(mark, ..)| *mark < pings) {
            let entry = self.entries.get(&packet_id);
            if entry.is_some_and(|entry| entry.note.number == number && entry.state == State::Acknowledged) {
                let entry = self.entries.remove(&packet_id);
                self.forget(packet_id, entry);
            }
        }
    }

    /// What is to be written, if anything is.
    pub(crate) fn changes(&self) -> Option<Changes> {
        let is_none = self.to_keep.is_empty() && self.forgotten.is_empty();
        (!is_none).then(|| Changes {
            kept: self
                .to_keep
                .iter()
                .map(|(packet_id, note)| (*packet_id, note.clone()))
                .collect(),
            gone: self.forgotten.iter().copied().collect(),
        })
    }

    /// These are durable.
    pub(crate) fn written(&mut self, changes: &Changes) {
        for (packet_id, note) in &changes.kept {
            if self.to_keep.get(packet_id) == Some(note) {
                self.to_keep.remove(packet_id);
            }
        }
        for packet_id in &changes.gone {
            self.forgotten.remove(packet_id);
        }
    }
}

/// Notes to write and to take away.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    pub(crate) kept: Vec<(u16, Note)>,
    pub(crate) gone: Vec<u16>,
}
