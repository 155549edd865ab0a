//! One consumer that subscribed, with or without a stream.

use std::sync::Arc;

use danube_wasm_broker::{Consumer, ConsumerOptions};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{SharedAcker, flight::Flight};
use crate::{limits::READ_GRACE, names::Place};

/// See the module.
pub(crate) struct Session {
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) options: ConsumerOptions,
    /// Another consumer took its name, what it consumes was deleted, or the server stops.
    pub(crate) ended: CancellationToken,
    state: Mutex<State>,
}

struct State {
    /// Holds the place in the subscription until a stream begins.
    waiting: Option<Box<dyn Consumer>>,
    flight: Option<Arc<Flight>>,
    seen: Instant,
}

impl Session {
    pub(super) fn new(
        id: u64,
        place: Place,
        options: ConsumerOptions,
        consumer: Box<dyn Consumer>,
        ended: CancellationToken,
    ) -> Arc<Self> {
        let state = State {
            waiting: Some(consumer),
            flight: None,
            seen: Instant::now(),
        };
        let session = Arc::new(Self {
            id,
            place,
            options,
            ended,
            state: Mutex::new(state),
        });
        let watched = session.clone();
        tokio::spawn(async move {
            // One that never reads must not keep messages, or an Exclusive subscription, from others.
            tokio::select! {
                () = tokio::time::sleep(READ_GRACE) => {}
                () = watched.ended.cancelled() => {}
            }
            drop(watched.take_waiting());
        });
        session
    }

    /// What waits for a stream.
    pub(super) fn take_waiting(&self) -> Option<Box<dyn Consumer>> {
        self.state.lock().waiting.take()
    }

    /// A stream begins; one that is there ends.
    pub(super) fn begin(&self, acker: SharedAcker) -> Arc<Flight> {
        let flight = Arc::new(Flight::new(acker));
        let mut state = self.state.lock();
        state.seen = Instant::now();
        if let Some(before) = state.flight.replace(flight.clone()) {
            before.replaced.cancel();
        }
        flight
    }

    /// A stream ended.
    pub(super) fn finish(&self, flight: &Arc<Flight>) {
        let mut state = self.state.lock();
        state.seen = Instant::now();
        if state
            .flight
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            state.flight = None;
        }
    }

    /// The client is done with a message that it has: by whom that is told to the log.
    pub(super) fn done(&self, offset: u64) -> Option<SharedAcker> {
        let flight = self.state.lock().flight.clone()?;
        flight.done(offset).then(|| flight.acker.clone())
    }

    pub(super) fn touch(&self) {
        self.state.lock().seen = Instant::now();
    }

    /// For how long nothing was heard of it; `None` while it has a stream.
    pub(super) fn silence(&self) -> Option<std::time::Duration> {
        let state = self.state.lock();
        state.flight.is_none().then(|| state.seen.elapsed())
    }
}
