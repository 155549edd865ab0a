//! What one stream has given to its client, and until when.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SharedAcker;

/// See the module.
pub(crate) struct Flight {
    pub(super) acker: SharedAcker,
    /// Another stream of the same consumer began, or another consumer of its name.
    pub(super) replaced: CancellationToken,
    given: Mutex<Given>,
}

#[derive(Default)]
struct Given {
    until: HashMap<u64, Instant>,
    order: BTreeSet<(Instant, u64)>,
}

impl Flight {
    pub(super) fn new(acker: SharedAcker) -> Self {
        Self {
            acker,
            replaced: CancellationToken::new(),
            given: Mutex::default(),
        }
    }

    /// A message is with the client until then.
    pub(super) fn give(&self, offset: u64, until: Instant) {
        let mut given = self.given.lock();
        if let Some(before) = given.until.insert(offset, until) {
            given.order.remove(&(before, offset));
        }
        given.order.insert((until, offset));
    }

    /// The client is done with it. Whether it had it.
    pub(super) fn done(&self, offset: u64) -> bool {
        let mut given = self.given.lock();
        let until = given.until.remove(&offset);
        until.is_some_and(|until| given.order.remove(&(until, offset)))
    }

    /// When the next one is overdue.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.given.lock().order.first().map(|(until, _)| *until)
    }

    /// Takes what is overdue.
    pub(super) fn overdue(&self, now: Instant) -> Vec<u64> {
        let mut given = self.given.lock();
        let mut overdue = Vec::new();
        while let Some((until, offset)) = given.order.first().copied().filter(|(until, _)| *until <= now) {
            given.order.remove(&(until, offset));
            given.until.remove(&offset);
            overdue.push(offset);
        }
        overdue
    }
}
