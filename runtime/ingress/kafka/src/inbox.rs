//! What the polling thread has for the driver: records by partition, and partitions that go.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use danube_wasm_model::{
    event::Event,
    upstream::{Room, UpstreamError},
};
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::{
    consumer::{Partition, Record},
    limits::{INBOX_BYTES_MAX, INBOX_RECORDS_MAX},
};

/// See the module.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    came: Notify,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    /// Before all records that are here: these are of epochs that go on.
    news: VecDeque<Taken>,
    queues: HashMap<Partition, Queue>,
    /// Partitions that have records, in turn.
    ready: VecDeque<Partition>,
    records: usize,
    bytes: usize,
    trouble: Option<String>,
    end: Option<UpstreamError>,
}

#[derive(Default)]
struct Queue {
    epoch: u64,
    records: VecDeque<Record>,
}

/// What a record has become; no event if nobody wants it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) offset: i64,
    pub(crate) event: Option<Event>,
}

/// Makes an event of a record; the error is the id of a schema that has to be known first. It is called while nothing can be
/// pushed, and must not use the inbox.
pub(crate) type Make<'m> = &'m (dyn Fn(&Record) -> Result<Made, u32> + Sync);

/// What is next.
#[derive(Debug)]
pub(crate) enum Taken {
    Records {
        partition: Partition,
        epoch: u64,
        records: Vec<Made>,
    },
    /// All records that are next wait for a schema; this one first.
    Awaiting(u32),
    Passed {
        partition: Partition,
        epoch: u64,
        upto: i64,
    },
    Revoked {
        partitions: Vec<Partition>,
        deadline: Instant,
    },
    Lost {
        partitions: Vec<Partition>,
    },
    /// Nothing can be read for now.
    Trouble(String),
    /// The session is over.
    Over(UpstreamError),
}

impl Inbox {
    /// A record of a partition that is ours in this epoch.
    pub(crate) fn push(&self, epoch: u64, record: Record) {
        let mut state = self.state.lock();
        state.records += 1;
        state.bytes += record.bytes();
        let partition = record.partition.clone();
        let queue = state.queues.entry(partition.clone()).or_default();
        queue.epoch = epoch;
        queue.records.push_back(record);
        if queue.records.len() == 1 {
            state.ready.push_back(partition);
        }
        drop(state);
        self.came.notify_one();
    }

    /// Says this before the records that are here; those of these partitions are thrown away.
    pub(crate) fn gone(&self, partitions: &[Partition], news: Taken) {
        let mut state = self.state.lock();
        state.purge(partitions);
        state.news.push_back(news);
        drop(state);
        self.came.notify_one();
        self.taken.notify_all();
    }

    /// Nothing of these is delivered any more, for a reason that the driver sees by itself.
    pub(crate) fn purge(&self, partitions: &[Partition]) {
        self.state.lock().purge(partitions);
        self.taken.notify_all();
    }

    /// The partition has moved on without a record. Nothing of it is here.
    pub(crate) fn passed(&self, partition: Partition, epoch: u64, upto: i64) {
        let passed = Taken::Passed { partition, epoch, upto };
        self.state.lock().news.push_back(passed);
        self.came.notify_one();
    }

    /// Whether nothing can be read for now, and why.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        self.state.lock().trouble = trouble;
        self.came.notify_one();
    }

    /// The session is over.
    pub(crate) fn end(&self, error: UpstreamError) {
        self.state.lock().end = Some(error);
        self.came.notify_one();
    }

    /// Whether nothing of the partition waits here.
    pub(crate) fn is_empty_of(&self, partition: &Partition) -> bool {
        let state = self.state.lock();
        state.queues.get(partition).is_none_or(|queue| queue.records.is_empty())
    }

    /// Whether no more is to be polled.
    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().fullness(1)
    }

    /// Whether there is room again for a good while.
    pub(crate) fn has_room(&self) -> bool {
        !self.state.lock().fullness(2)
    }

    /// Waits until something is taken.
    pub(crate) fn wait_for_room(&self, wait: Duration) {
        let mut state = self.state.lock();
        if state.fullness(1) {
            self.taken.wait_for(&mut state, wait);
        }
    }

    /// Waits until something has come since it was looked at last. May be cancelled.
    pub(crate) async fn came(&self) {
        self.came.notified().await;
    }

    /// Waits for what is next. May be cancelled. A record stays until an event is made of it.
    pub(crate) async fn take(&self, room: Room, make: Make<'_>) -> Taken {
        loop {
            let came = self.came.notified();
            let taken = self.state.lock().take(room, make);
            if let Some(taken) = taken {
                self.taken.notify_all();
                return taken;
            }
            came.await;
        }
    }
}

impl State {
    fn fullness(&self, divisor: usize) -> bool {
        self.bytes >= INBOX_BYTES_MAX / divisor || self.records >= INBOX_RECORDS_MAX / divisor
    }

    fn purge(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            let queue = self.queues.remove(partition).unwrap_or_default();
            self.records -= queue.records.len();
            self.bytes -= queue.records.iter().map(Record::bytes).sum::<usize>();
        }
        self.ready.retain(|partition| !partitions.contains(partition));
        self.news
            .retain(|news| !matches!(news, Taken::Passed { partition, .. } if partitions.contains(partition)));
    }

    fn take(&mut self, room: Room, make: Make<'_>) -> Option<Taken> {
        if let Some(error) = self.end.take() {
            return Some(Taken::Over(error));
        }
        if let Some(news) = self.news.pop_front() {
            return Some(news);
        }
        if room.events > 0
            && let Some(records) = self.take_records(room, make)
        {
            return Some(records);
        }
        self.trouble.clone().map(Taken::Trouble)
    }

    /// Of the first partition whose next record can be taken.
    fn take_records(&mut self, room: Room, make: Make<'_>) -> Option<Taken> {
        let mut awaiting = None;
        for _ in 0..self.ready.len() {
            let partition = self.ready.pop_front()?;
            let (epoch, taken) = self.take_of(&partition, room, make)?;
            if self
                .queues
                .get(&partition)
                .is_some_and(|queue| !queue.records.is_empty())
            {
                self.ready.push_back(partition.clone());
            }
            match taken {
                Ok(records) => {
                    return Some(Taken::Records {
                        partition,
                        epoch,
                        records,
                    });
                }
                Err(id) => awaiting = awaiting.or(Some(id)),
            }
        }
        awaiting.map(Taken::Awaiting)
    }

    /// Of one partition, as many as there is room for, up to one whose schema is not known.
    fn take_of(&mut self, partition: &Partition, room: Room, make: Make<'_>) -> Option<(u64, Result<Vec<Made>, u32>)> {
        let queue = self.queues.get_mut(partition)?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < room.events
            && bytes < room.bytes.max(1)
            && let Some(record) = queue.records.front()
        {
            let made = match make(record) {
                Ok(made) => made,
                Err(id) if records.is_empty() => return Some((queue.epoch, Err(id))),
                Err(_) => break,
            };
            let weight = record.bytes();
            // What was decoded may be many times as large.
            bytes += weight.max(made.event.as_ref().map_or(0, |event| event.payload.len()));
            self.records -= 1;
            self.bytes -= weight;
            records.push(made);
            queue.records.pop_front();
        }
        Some((queue.epoch, Ok(records)))
    }
}
