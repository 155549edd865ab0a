//! Where senders connect to the source; it leads to the source that runs now.

use std::sync::Arc;

use danube_wasm_model::{
    door::{Intake, OnRefusal, Outcome},
    event::Event,
};
use danube_wasm_pipeline::Source;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// See the module.
#[derive(Default)]
pub struct Listener(Mutex<Option<Connection>>);

#[derive(Clone)]
struct Connection {
    source: Arc<Source>,
    process: u64,
    closed: CancellationToken,
}

/// One connection, to offer one event.
pub struct Attempt(Connection);

impl Listener {
    /// The source was started, in this process.
    pub fn open(&self, source: &Arc<Source>, process: u64) {
        *self.0.lock() = Some(Connection {
            source: source.clone(),
            process,
            closed: CancellationToken::new(),
        });
    }

    /// The source has stopped: closes all connections, also those that wait for an answer.
    pub fn close(&self) {
        if let Some(open) = self.0.lock().take() {
            open.closed.cancel();
        }
    }

    /// `None`: connection refused.
    pub fn connect(&self) -> Option<Attempt> {
        self.0.lock().clone().map(Attempt)
    }
}

impl Attempt {
    /// The source's process.
    pub fn process(&self) -> u64 {
        self.0.process
    }

    /// `None`: the connection was lost.
    pub async fn offer(self, event: Event) -> Option<Outcome> {
        let Connection { source, closed, .. } = self.0;
        tokio::select! {
            biased;
            () = closed.cancelled() => None,
            outcome = source.offer(event) => Some(outcome),
        }
    }

    /// The same for the events of one request.
    pub async fn offer_all(self, events: Vec<Event>, on_refusal: OnRefusal) -> Option<Vec<Outcome>> {
        let Connection { source, closed, .. } = self.0;
        tokio::select! {
            biased;
            () = closed.cancelled() => None,
            outcomes = source.offer_all(events, on_refusal) => Some(outcomes),
        }
    }
}
