//! What a lane has not called the component with, by stream: a stream that waits for the broker does not delay others.

use std::collections::{HashMap, VecDeque};

use danube_wasm_model::upstream::StreamId;

use crate::source::{SourceLimits, shared::Pending};

/// Most calls of a stream whose records are not settled: one is with the broker, and the next is ready when it is done.
const AHEAD_MAX: usize = 2;

/// Round robin over the streams.
#[derive(Default)]
pub(super) struct Queues {
    streams: HashMap<StreamId, Queue>,
    /// Streams that have events and may be called for, each once.
    ready: VecDeque<StreamId>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Pending>,
    /// Calls whose records are not settled.
    ahead: usize,
    is_ready: bool,
}

impl Queue {
    fn may_be_ready(&mut self) -> bool {
        let became_ready = !self.is_ready && !self.events.is_empty() && self.ahead < AHEAD_MAX;
        self.is_ready |= became_ready;
        became_ready
    }
}

impl Queues {
    /// Adds events of one stream.
    pub(super) fn push(&mut self, events: Vec<Pending>) {
        let Some(finalizer) = events.first().and_then(Pending::finalizer) else {
            return;
        };
        let stream = finalizer.stream().clone();
        let queue = self.streams.entry(stream.clone()).or_default();
        queue.events.extend(events);
        if queue.may_be_ready() {
            self.ready.push_back(stream);
        }
    }

    /// Events for one call, all of one stream and epoch, as many as fit.
    pub(super) fn next(&mut self, limits: &SourceLimits) -> Option<Vec<Pending>> {
        let stream = self.ready.pop_front()?;
        let queue = self.streams.get_mut(&stream)?;
        queue.is_ready = false;
        let batch = take(&mut queue.events, limits);
        if queue.may_be_ready() {
            self.ready.push_back(stream);
        } else if queue.ahead == 0 && queue.events.is_empty() {
            self.streams.remove(&stream);
        }
        Some(batch)
    }

    /// Records of the stream are on their way to the broker.
    pub(super) fn ahead(&mut self, stream: &StreamId) {
        let queue = self.streams.entry(stream.clone()).or_default();
        queue.ahead += 1;
        if queue.ahead >= AHEAD_MAX && queue.is_ready {
            queue.is_ready = false;
            self.ready.retain(|ready| ready != stream);
        }
    }

    /// Records of the stream are settled.
    pub(super) fn settled(&mut self, stream: StreamId) {
        let Some(queue) = self.streams.get_mut(&stream) else {
            return;
        };
        queue.ahead = queue.ahead.saturating_sub(1);
        if queue.may_be_ready() {
            self.ready.push_back(stream);
        } else if queue.ahead == 0 && queue.events.is_empty() {
            self.streams.remove(&stream);
        }
    }

    /// Whether nothing is left to be called for or settled.
    pub(super) fn is_empty(&self) -> bool {
        self.streams
            .values()
            .all(|queue| queue.events.is_empty() && queue.ahead == 0)
    }
}

fn take(events: &mut VecDeque<Pending>, limits: &SourceLimits) -> Vec<Pending> {
    let mut batch: Vec<Pending> = Vec::new();
    let mut bytes = 0;
    while batch.len() < limits.batch_events_max && bytes < limits.batch_bytes_max {
        let fits = |next: &&Pending| match (next.finalizer(), batch.first().and_then(Pending::finalizer)) {
            (Some(next), Some(first)) => next.is_beside(first),
            _ => true,
        };
        if events.front().filter(fits).is_none() {
            break;
        }
        let Some(next) = events.pop_front() else { break };
        bytes += next.event.payload.len();
        batch.push(next);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> SourceLimits {
        SourceLimits::default()
    }

    #[test]
    fn nothing_is_ready_when_nothing_is_there() {
        let mut queues = Queues::default();
        assert!(queues.next(&limits()).is_none() && queues.is_empty());
        let stream = StreamId::new("s");
        queues.ahead(&stream);
        assert!(!queues.is_empty(), "its records are not settled");
        queues.settled(stream.clone());
        queues.settled(stream);
        assert!(queues.is_empty() && queues.streams.is_empty());
    }
}
