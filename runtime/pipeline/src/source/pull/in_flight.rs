//! How much was read and is not done.

use std::sync::Arc;

use danube_wasm_model::{event::Event, upstream::Room};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What an event costs beside its texts, in bytes.
const EVENT_BYTES: usize = 256;

/// Events in flight. What is read when there is room for it may exceed the limits by as much as the upstream could not hold
/// back; nothing more is read until that is below them again.
#[derive(Debug)]
pub(crate) struct InFlight {
    limits: Room,
    used: Mutex<Used>,
    less: Notify,
}

#[derive(Debug, Default, Clone, Copy)]
struct Used {
    events: usize,
    bytes: usize,
}

/// One event in flight, until this is dropped; or several that are done together.
#[derive(Debug)]
pub(crate) struct Permit {
    in_flight: Arc<InFlight>,
    events: usize,
    bytes: usize,
}

impl InFlight {
    pub(super) fn new(events_max: usize, bytes_max: usize) -> Arc<Self> {
        let limits = Room {
            events: events_max.max(1),
            bytes: bytes_max.max(1),
        };
        Arc::new(Self {
            limits,
            used: Mutex::default(),
            less: Notify::new(),
        })
    }

    /// Events that are not done.
    pub(crate) fn events(&self) -> usize {
        self.used.lock().events
    }

    /// Waits until there is room for more, and gives how much. Once full, a quarter must be free: else each event that is
    /// done would cause a read of its own.
    pub(super) async fn room(&self) -> Room {
        let mut full = false;
        loop {
            // Before looking, so that no change is missed.
            let less = self.less.notified();
            match self.free(full) {
                Some(room) => return room,
                None => full = true,
            }
            less.await;
        }
    }

    fn free(&self, was_full: bool) -> Option<Room> {
        let used = *self.used.lock();
        let room = Room {
            events: self.limits.events.saturating_sub(used.events),
            bytes: self.limits.bytes.saturating_sub(used.bytes),
        };
        let least = |limit: usize| if was_full { limit.div_ceil(4) } else { 1 };
        (room.events >= least(self.limits.events) && room.bytes >= least(self.limits.bytes)).then_some(room)
    }

    /// An event was read.
    pub(super) fn add(self: &Arc<Self>, event: &Event) -> Permit {
        let bytes = size(event);
        let mut used = self.used.lock();
        used.events += 1;
        used.bytes += bytes;
        Permit {
            in_flight: self.clone(),
            events: 1,
            bytes,
        }
    }
}

impl Permit {
    /// Drops these as one: who waits for room is woken once.
    pub(super) fn release_all(permits: impl IntoIterator<Item = Self>) {
        let mut permits = permits.into_iter();
        let Some(mut all) = permits.next() else { return };
        permits.for_each(|permit| all.absorb(permit));
    }

    fn absorb(&mut self, mut other: Self) {
        if Arc::ptr_eq(&self.in_flight, &other.in_flight) {
            self.events += std::mem::take(&mut other.events);
            self.bytes += std::mem::take(&mut other.bytes);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.events == 0 {
            return;
        }
        let mut used = self.in_flight.used.lock();
        used.events -= self.events;
        used.bytes -= self.bytes;
        drop(used);
        self.in_flight.less.notify_waiters();
    }
}

fn size(event: &Event) -> usize {
    let texts = event.attributes.iter().chain(&event.headers);
    let texts: usize = texts.map(|(name, value)| name.len() + value.len()).sum();
    let key = event.key.as_ref().map_or(0, bytes::Bytes::len);
    EVENT_BYTES + event.payload.len() + key + texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Event {
        Event {
            endpoint: "/in".into(),
            id: "e".to_owned(),
            payload: vec![0; bytes].into(),
            content_type: String::new(),
            key: None,
            received_ms: 0,
            attributes: Vec::new(),
            headers: Vec::new(),
            traceparent: None,
            refusal: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_one_has_room_again_when_a_quarter_is_free() {
        let in_flight = InFlight::new(8, 1 << 20);
        let mut permits: Vec<_> = (0..8).map(|_| in_flight.add(&event(0))).collect();
        let waiting = tokio::spawn({
            let in_flight = in_flight.clone();
            async move { in_flight.room().await }
        });
        tokio::task::yield_now().await;
        permits.pop();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "one place is too little");
        permits.pop();
        assert_eq!(waiting.await.expect("no panic").events, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_limited_apart_from_events_and_one_event_may_exceed_them() {
        let in_flight = InFlight::new(100, 1000);
        assert!(in_flight.free(false).is_some());
        let large = in_flight.add(&event(5000));
        assert_eq!(in_flight.free(false), None);
        drop(large);
        assert_eq!(
            in_flight.free(true),
            Some(Room {
                events: 100,
                bytes: 1000
            })
        );
        assert_eq!(in_flight.events(), 0);
    }
}
