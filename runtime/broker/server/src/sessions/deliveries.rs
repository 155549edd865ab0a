//! The messages that one stream has delivered to its client, and their deadlines.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use danube_wasm_broker::Acker;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// See the module.
pub(crate) struct Deliveries {
    pub(crate) acker: Arc<dyn Acker>,
    /// Cancelled when another stream of the same consumer starts, or another consumer of its name.
    pub(crate) replaced: CancellationToken,
    times: Mutex<DeliveryTimes>,
}

#[derive(Default)]
struct DeliveryTimes {
    until: HashMap<u64, Instant>,
    order: BTreeSet<(Instant, u64)>,
}

impl Deliveries {
    pub(crate) fn new(acker: Arc<dyn Acker>) -> Self {
        Self {
            acker,
            replaced: CancellationToken::new(),
            times: Mutex::default(),
        }
    }

    /// Adds a message with its deadline.
    pub(crate) fn add(&self, offset: u64, until: Instant) {
        let mut times = self.times.lock();
        if let Some(before) = times.until.insert(offset, until) {
            times.order.remove(&(before, offset));
        }
        times.order.insert((until, offset));
    }

    /// Removes a message. Returns whether the client had it.
    pub(crate) fn remove(&self, offset: u64) -> bool {
        let mut times = self.times.lock();
        let until = times.until.remove(&offset);
        until.is_some_and(|until| times.order.remove(&(until, offset)))
    }

    /// The next deadline.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.times.lock().order.first().map(|(until, _)| *until)
    }

    /// Removes and returns messages past their deadline.
    pub(crate) fn take_overdue(&self, now: Instant) -> Vec<u64> {
        let mut times = self.times.lock();
        let mut overdue = Vec::new();
        while let Some((until, offset)) = times.order.first().copied().filter(|(until, _)| *until <= now) {
            times.order.remove(&(until, offset));
            times.until.remove(&offset);
            overdue.push(offset);
        }
        overdue
    }
}
