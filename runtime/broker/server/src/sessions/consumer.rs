//! One consumer that has subscribed, with or without a stream.

use std::sync::Arc;

use danube_wasm_broker::{Acker, Consumer, ConsumerOptions};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::deliveries::Deliveries;
use crate::{limits::READ_GRACE, names::TopicPartition};

/// Acknowledges for a consumer.
pub(crate) type SharedAcker = Arc<dyn Acker>;

/// See the module.
pub(crate) struct ConsumerSession {
    pub(crate) id: u64,
    pub(crate) target: TopicPartition,
    pub(crate) options: ConsumerOptions,
    /// Cancelled when another consumer took its name, its topic or subscription was deleted, or the server stops.
    pub(crate) ended: CancellationToken,
    state: Mutex<State>,
}

struct State {
    /// The log's consumer, until a stream starts.
    pending: Option<Box<dyn Consumer>>,
    deliveries: Option<Arc<Deliveries>>,
    last_used: Instant,
}

impl ConsumerSession {
    pub(crate) fn new(
        id: u64,
        target: TopicPartition,
        options: ConsumerOptions,
        consumer: Box<dyn Consumer>,
        ended: CancellationToken,
    ) -> Arc<Self> {
        let state = State {
            pending: Some(consumer),
            deliveries: None,
            last_used: Instant::now(),
        };
        let session = Arc::new(Self {
            id,
            target,
            options,
            ended,
            state: Mutex::new(state),
        });
        let watched = session.clone();
        tokio::spawn(async move {
            // A client that never reads must not keep messages, or an Exclusive subscription, from others.
            tokio::select! {
                () = tokio::time::sleep(READ_GRACE) => {}
                () = watched.ended.cancelled() => {}
            }
            drop(watched.take_pending());
        });
        session
    }

    /// Takes the log's consumer if no stream has started.
    pub(crate) fn take_pending(&self) -> Option<Box<dyn Consumer>> {
        self.state.lock().pending.take()
    }

    /// Starts a stream; an existing one ends.
    pub(crate) fn start_stream(&self, acker: SharedAcker) -> Arc<Deliveries> {
        let deliveries = Arc::new(Deliveries::new(acker));
        let mut state = self.state.lock();
        state.last_used = Instant::now();
        if let Some(before) = state.deliveries.replace(deliveries.clone()) {
            before.replaced.cancel();
        }
        deliveries
    }

    /// Ends a stream.
    pub(crate) fn end_stream(&self, deliveries: &Arc<Deliveries>) {
        let mut state = self.state.lock();
        state.last_used = Instant::now();
        if state
            .deliveries
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, deliveries))
        {
            state.deliveries = None;
        }
    }

    /// Ends a delivery. Returns the acker, if the client had the message.
    pub(crate) fn finish_delivery(&self, offset: u64) -> Option<SharedAcker> {
        let deliveries = self.state.lock().deliveries.clone()?;
        deliveries.remove(offset).then(|| deliveries.acker.clone())
    }

    pub(crate) fn mark_seen(&self) {
        self.state.lock().last_used = Instant::now();
    }

    /// Time since its last call; `None` while it has a stream.
    pub(crate) fn idle_time(&self) -> Option<std::time::Duration> {
        let state = self.state.lock();
        state.deliveries.is_none().then(|| state.last_used.elapsed())
    }
}
