//! The records of a topic that were read from the log and may not be removed from it yet. Pure: no clock, no disk, no
//! broker.
//!
//! A record *waits*, is *in flight* to the broker, or was *accepted* by it and stays until the flush time has passed.
//! Records of one lane (see [`super::lanes`]) are published one after the other, so that a later one never reaches the
//! broker before an earlier one. Records without a lane are published as they come.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use danube_wasm_broker::{Message, MessageId, Outgoing};
use tokio::time::Instant;

use super::lanes::key_of;
use crate::{
    limits::{
        CALL_BYTES_MAX, CALL_RECORDS_MAX, IN_FLIGHT_BYTES_MAX, IN_FLIGHT_RECORDS_MAX, READ_BYTES_MAX, READ_RECORDS_MAX,
    },
    store::record_size,
};

/// See the module.
#[derive(Default)]
pub(super) struct Window {
    entries: BTreeMap<MessageId, Entry>,
    /// Records of each lane that the broker has not accepted, in order. The first is ready or in flight.
    lanes: HashMap<Bytes, VecDeque<MessageId>>,
    /// Records that may be published.
    ready: VecDeque<MessageId>,
    /// Accepted records, and when they were accepted.
    accepted: VecDeque<(Instant, MessageId)>,
    /// Read and not accepted.
    open: Load,
    in_flight: Load,
}

struct Entry {
    /// The record until the broker has accepted it.
    record: Option<Outgoing>,
    lane: Option<Bytes>,
    producer: Arc<str>,
    time_ms: u64,
    bytes: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Load {
    records: usize,
    bytes: usize,
}

/// Records to publish in one call, each in a separate group.
pub(super) struct Call {
    pub(super) producer: Arc<str>,
    pub(super) ids: Vec<MessageId>,
    pub(super) groups: Vec<Vec<Outgoing>>,
}

impl Window {
    /// Adds a record from the log, which returns those of one lane in order.
    pub(super) fn add(&mut self, message: Message) {
        let (id, lane) = (message.message_id, message.key);
        let record = Outgoing {
            topic: message.topic,
            key: key_of(lane.as_ref()),
            payload: message.payload,
            attributes: message.attributes,
            id: message.id,
            schema: message.schema,
        };
        let bytes = record_size(&record);
        match &lane {
            None => self.ready.push_back(id),
            Some(lane) => {
                let queue = self.lanes.entry(lane.clone()).or_default();
                if queue.is_empty() {
                    self.ready.push_back(id);
                }
                queue.push_back(id);
            }
        }
        let entry = Entry {
            record: Some(record),
            lane,
            producer: message.producer,
            time_ms: message.publish_time_ms,
            bytes,
        };
        self.entries.insert(id, entry);
        self.open.add(bytes);
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.open.records < READ_RECORDS_MAX && self.open.bytes < READ_BYTES_MAX
    }

    /// The next records to publish, all of one producer; they are in flight then.
    pub(super) fn next_call(&mut self) -> Option<Call> {
        let mut call: Option<Call> = None;
        let mut load = Load::default();
        while let Some(id) = self.ready.front().copied() {
            let Some(entry) = self.entries.get(&id) else {
                self.ready.pop_front();
                continue;
            };
            let full =
                load.records == CALL_RECORDS_MAX || (load.records > 0 && load.bytes + entry.bytes > CALL_BYTES_MAX);
            let busy = self.in_flight.records >= IN_FLIGHT_RECORDS_MAX
                || (self.in_flight.records > 0 && self.in_flight.bytes + entry.bytes > IN_FLIGHT_BYTES_MAX);
            let other = call.as_ref().is_some_and(|call| call.producer != entry.producer);
            if full || busy || other {
                break;
            }
            self.ready.pop_front();
            let call = call.get_or_insert_with(|| Call {
                producer: entry.producer.clone(),
                ids: Vec::new(),
                groups: Vec::new(),
            });
            call.ids.push(id);
            call.groups.push(entry.record.clone().into_iter().collect());
            load.add(entry.bytes);
            self.in_flight.add(entry.bytes);
        }
        call
    }

    /// The broker accepted it.
    pub(super) fn record_accepted(&mut self, id: MessageId, now: Instant) {
        self.leave_broker(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.record = None;
            self.accepted.push_back((now, id));
        }
    }

    /// The broker will never accept it. Returns the record.
    pub(super) fn take_refused(&mut self, id: MessageId) -> Option<(Outgoing, Arc<str>)> {
        self.leave_broker(id);
        let entry = self.entries.remove(&id)?;
        Some((entry.record?, entry.producer))
    }

    /// When the flush time of the oldest accepted record has passed.
    pub(super) fn due(&self, flush: Duration) -> Option<Instant> {
        self.accepted.front().map(|(at, _)| *at + flush)
    }

    /// Removes and returns records accepted at `until` or before.
    pub(super) fn take_confirmed(&mut self, until: Instant) -> Vec<MessageId> {
        let mut done = Vec::new();
        while let Some((_, id)) = self.accepted.pop_front_if(|(at, _)| *at <= until) {
            self.entries.remove(&id);
            done.push(id);
        }
        done
    }

    /// Records that the broker accepted and that are not confirmed.
    pub(super) fn unconfirmed(&self) -> u64 {
        self.accepted.len() as u64
    }

    /// Whether the broker has accepted all that was read.
    pub(super) fn is_drained(&self) -> bool {
        self.open.records == 0
    }

    /// When the oldest record was written to the log, in milliseconds since 1970: the oldest of the partitions' first
    /// records.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        let mut oldest = None;
        let mut next = self.entries.first_key_value();
        while let Some((id, entry)) = next {
            oldest = Some(oldest.map_or(entry.time_ms, |oldest: u64| oldest.min(entry.time_ms)));
            let beyond = MessageId {
                partition: id.partition + 1,
                offset: 0,
            };
            next = self.entries.range(beyond..).next();
        }
        oldest
    }

    /// A record is no longer in flight; the next one of its lane may be published.
    fn leave_broker(&mut self, id: MessageId) {
        let Some(entry) = self.entries.get(&id) else { return };
        self.open.remove(entry.bytes);
        self.in_flight.remove(entry.bytes);
        let Some(lane) = &entry.lane else { return };
        let Some(queue) = self.lanes.get_mut(lane) else { return };
        queue.pop_front();
        match queue.front() {
            Some(next) => self.ready.push_back(*next),
            None => drop(self.lanes.remove(lane)),
        }
    }
}

impl Load {
    fn add(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
