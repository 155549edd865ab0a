//! One stream as the upstream keeps it.

use std::time::Duration;

use danube_wasm_model::upstream::StreamId;
use tokio::time::Instant;

use super::plan::Item;

/// See the module.
pub struct Stream {
    pub id: StreamId,
    pub items: Vec<Item>,
    /// The next to be delivered.
    pub cursor: usize,
    /// The first that is not confirmed.
    pub confirmed: usize,
    /// The newest ownership.
    pub epoch: u64,
    pub owner: Owner,
    /// Ownerships up to this one the driver knows to be over.
    pub known_over: u64,
    /// Deliveries of the present ownership.
    pub delivered: bool,
}

/// Who may read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The present session.
    Here,
    /// The present session, which is to give it up.
    Leaving { deadline: Instant },
    /// Another one, until then.
    Away { until: Instant },
}

/// What a confirmation is worth.
pub enum Worth {
    /// Takes effect, up to before this item.
    Counts(usize),
    /// Does nothing: the driver cannot know yet that the epoch is over.
    Late,
    /// The driver should have known better.
    Wrong,
}

impl Stream {
    pub fn new(number: usize, items: Vec<Item>) -> Self {
        Self {
            id: StreamId::new(format!("stream{number}")),
            items,
            cursor: 0,
            confirmed: 0,
            epoch: 0,
            owner: Owner::Away { until: Instant::now() },
            known_over: 0,
            delivered: false,
        }
    }

    /// It is another session's, or nobody's, until it comes back.
    pub fn leave(&mut self, for_time: Duration) {
        let until = Instant::now() + for_time;
        self.owner = Owner::Away { until };
    }

    /// Ownership begins anew, with what is not confirmed.
    pub fn assign(&mut self) {
        self.epoch += 1;
        self.cursor = self.confirmed;
        self.owner = Owner::Here;
        self.delivered = false;
    }

    /// Whether there is something to deliver, where there is room for events or not.
    pub fn is_ready(&self, elapsed: Duration, events_fit: bool) -> bool {
        let next = self.items.get(self.cursor);
        let next = next.filter(|item| events_fit || item.event.is_none());
        self.owner == Owner::Here && next.is_some_and(|item| item.at <= elapsed)
    }

    pub fn worth(&self, epoch: u64, upto: u64) -> Worth {
        if epoch <= self.known_over || epoch > self.epoch {
            return Worth::Wrong;
        }
        if epoch < self.epoch || matches!(self.owner, Owner::Away { .. }) {
            return Worth::Late;
        }
        let behind = self.items.iter().rposition(|item| item.ends_at <= upto);
        Worth::Counts(behind.map_or(0, |last| last + 1))
    }
}
