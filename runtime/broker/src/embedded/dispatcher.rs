//! Dispatches the messages of one subscription to its consumers. Pure, like [`super::window`]: the caller passes in the
//! clock and holds the lock.

use std::collections::BTreeSet;

use danube_wasm_model::SubscriptionType;
use tokio::time::Instant;

use super::{
    cursor::Cursor,
    window::{ConsumerId, Load, Window},
};
use crate::{BrokerError, ErrorKind, Message};

/// See the module.
pub(super) struct Dispatcher {
    kind: SubscriptionType,
    /// In order of arrival: the first that reads a window is the active one on a Failover subscription.
    consumers: Vec<ConsumerState>,
    next_consumer: ConsumerId,
    windows: Vec<Window>,
    /// The window that is served first next time.
    next_window: usize,
    /// A stored message that cannot be read: no consumer gets past it.
    pub(super) unreadable: Option<BrokerError>,
}

struct ConsumerState {
    id: ConsumerId,
    name: String,
    /// The window that it reads; `None` for all.
    only: Option<usize>,
    window: usize,
    in_flight: usize,
}

impl ConsumerState {
    fn covers(&self, window: usize) -> bool {
        self.only.is_none_or(|only| only == window)
    }

    fn overlaps(&self, only: Option<usize>) -> bool {
        only.is_none_or(|only| self.covers(only))
    }
}

/// The result of [`Dispatcher::take`].
#[derive(Default)]
pub(super) struct TakeResult {
    pub(super) messages: Vec<Message>,
    /// When the next delayed message is due.
    pub(super) due: Option<Instant>,
    /// What to read from the log, and for which window.
    pub(super) loads: Vec<(usize, Load)>,
}

/// Another consumer of the same name has replaced this one.
pub(super) struct TakenOver;

impl Dispatcher {
    pub(super) fn new(kind: SubscriptionType, windows: Vec<Window>) -> Self {
        Self {
            kind,
            consumers: Vec::new(),
            next_consumer: 1,
            windows,
            next_window: 0,
            unreadable: None,
        }
    }

    pub(super) fn kind(&self) -> SubscriptionType {
        self.kind
    }

    pub(super) fn has_consumers(&self) -> bool {
        !self.consumers.is_empty()
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Messages that are not acknowledged.
    pub(super) fn lag(&self) -> u64 {
        self.windows.iter().map(Window::lag).sum()
    }

    /// Names of the connected consumers, without duplicates.
    pub(super) fn consumers(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.consumers.iter().map(|consumer| &consumer.name).collect();
        names.into_iter().cloned().collect()
    }

    /// Adds windows up to `len` partitions; new ones start at the beginning.
    pub(super) fn grow(&mut self, len: usize) {
        while self.windows.len() < len {
            self.windows.push(Window::new(self.kind, Cursor::default(), 0));
        }
    }

    /// Changes the type of a subscription without consumers.
    pub(super) fn set_kind(&mut self, kind: SubscriptionType) {
        if kind != self.kind && self.consumers.is_empty() {
            self.kind = kind;
            self.windows.iter_mut().for_each(|window| window.restart(kind));
        }
    }

    /// Adds a consumer of all windows, or of one. A consumer of the same name that reads any of them is replaced, and
    /// the new one keeps its position in the order.
    pub(super) fn attach(
        &mut self,
        name: &str,
        kind: SubscriptionType,
        only: Option<usize>,
        unacknowledged_max: usize,
    ) -> Result<ConsumerId, BrokerError> {
        if kind != self.kind {
            return Err(conflict(format!("it is {:?} and was asked for as {kind:?}", self.kind)));
        }
        let other = self.consumers.iter().find(|m| m.name != name && m.overlaps(only));
        if let (SubscriptionType::Exclusive, Some(other)) = (kind, other) {
            return Err(conflict(format!(
                "it is Exclusive and consumer `{}` has it",
                other.name
            )));
        }
        let id = self.next_consumer;
        self.next_consumer += 1;
        let mut place = None;
        for at in (0..self.consumers.len()).rev() {
            if self
                .consumers
                .get(at)
                .is_some_and(|m| m.name == name && m.overlaps(only))
            {
                let before = self.consumers.remove(at);
                self.windows.iter_mut().for_each(|window| window.requeue_all(before.id));
                place = Some(at);
            }
        }
        let consumer = ConsumerState {
            id,
            name: name.to_owned(),
            only,
            window: unacknowledged_max.max(1),
            in_flight: 0,
        };
        self.consumers.insert(place.unwrap_or(self.consumers.len()), consumer);
        Ok(id)
    }

    /// Removes a consumer; its unacknowledged messages are requeued.
    pub(super) fn detach(&mut self, id: ConsumerId) {
        if let Some(at) = self.consumers.iter().position(|consumer| consumer.id == id) {
            self.consumers.remove(at);
            self.windows.iter_mut().for_each(|window| window.requeue_all(id));
        }
    }

    /// Delivers up to `max` messages to a consumer, and returns what to read next. With `can_load` false no load is
    /// returned, because the log cannot be read now.
    pub(super) fn take(
        &mut self,
        id: ConsumerId,
        max: usize,
        now: Instant,
        can_load: bool,
    ) -> Result<TakeResult, TakenOver> {
        let at = self
            .consumers
            .iter()
            .position(|consumer| consumer.id == id)
            .ok_or(TakenOver)?;
        let mut result = TakeResult::default();
        let (before, rest) = self.consumers.split_at_mut(at);
        let Some((consumer, behind)) = rest.split_first_mut() else {
            return Err(TakenOver);
        };
        let others: Vec<&ConsumerState> = before.iter().chain(behind.iter()).collect();
        let is_failover = self.kind == SubscriptionType::Failover;
        let spreads = matches!(self.kind, SubscriptionType::Shared | SubscriptionType::KeyShared);
        let active = |window: usize| !is_failover || !before.iter().any(|earlier| earlier.covers(window));
        let n = self.windows.len();
        for i in (0..n).map(|i| (self.next_window + i) % n) {
            let Some(window) = self.windows.get_mut(i).filter(|_| consumer.covers(i) && active(i)) else {
                continue;
            };
            let room = max
                .saturating_sub(result.messages.len())
                .min(consumer.window.saturating_sub(consumer.in_flight));
            if room == 0 {
                break;
            }
            // Only a share of the waiting messages if other consumers can take some.
            let sharing = if spreads {
                1 + others.iter().filter(|other| other.covers(i)).count()
            } else {
                1
            };
            let share = window.waiting().div_ceil(sharing);
            consumer.in_flight += window.take(id, room.min(share), now, &mut result.messages);
        }
        self.next_window = if n == 0 { 0 } else { (self.next_window + 1) % n };
        let has_room = consumer.in_flight < consumer.window;
        let starved = result.messages.is_empty() && has_room;
        for (i, window) in self.windows.iter_mut().enumerate() {
            if !consumer.covers(i) || !active(i) {
                continue;
            }
            // Without room a due message could not be delivered; an acknowledgement makes room and wakes the consumer.
            result.due = [result.due, window.next_due().filter(|_| has_room)]
                .into_iter()
                .flatten()
                .min();
            let load = can_load.then(|| window.next_load(starved)).flatten();
            result.loads.extend(load.map(|load| (i, load)));
        }
        Ok(result)
    }

    /// Negatively acknowledges a message: it is delivered again at `due`.
    pub(super) fn nack(&mut self, id: ConsumerId, window: usize, offset: u64, due: Option<Instant>) {
        let had = self
            .windows
            .get_mut(window)
            .is_some_and(|window| window.nack(id, offset, due));
        if had {
            self.free([id]);
        }
    }

    /// Changes a window; the consumers that `f` returns have one message less in flight.
    pub(super) fn update<T>(
        &mut self,
        window: usize,
        f: impl FnOnce(&mut Window) -> (Vec<ConsumerId>, T),
    ) -> Option<T> {
        let (consumers, value) = f(self.windows.get_mut(window)?);
        self.free(consumers);
        Some(value)
    }

    fn free(&mut self, ids: impl IntoIterator<Item = ConsumerId>) {
        for id in ids {
            if let Some(consumer) = self.consumers.iter_mut().find(|consumer| consumer.id == id) {
                consumer.in_flight = consumer.in_flight.saturating_sub(1);
            }
        }
    }
}

fn conflict(why: String) -> BrokerError {
    BrokerError::new(ErrorKind::Conflict, why)
}
