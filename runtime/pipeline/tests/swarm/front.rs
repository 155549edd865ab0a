//! The door that senders knock at: whichever start of the source is up.

use std::sync::Arc;

use danube_wasm_model::{
    door::{Intake, Outcome},
    event::Event,
};
use danube_wasm_pipeline::Source;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// See the module.
#[derive(Default)]
pub struct Front(Mutex<Option<Open>>);

#[derive(Clone)]
struct Open {
    source: Arc<Source>,
    start: u64,
    gone: CancellationToken,
}

/// One attempt to hand an event over.
pub struct Attempt(Open);

impl Front {
    /// A source is up, the `start`th.
    pub fn open(&self, source: &Arc<Source>, start: u64) {
        *self.0.lock() = Some(Open {
            source: source.clone(),
            start,
            gone: CancellationToken::new(),
        });
    }

    /// It is gone, and with it the connections of those who wait for an answer.
    pub fn close(&self) {
        if let Some(open) = self.0.lock().take() {
            open.gone.cancel();
        }
    }

    /// `None`: connection refused.
    pub fn knock(&self) -> Option<Attempt> {
        self.0.lock().clone().map(Attempt)
    }
}

impl Attempt {
    pub fn start(&self) -> u64 {
        self.0.start
    }

    /// `None`: the connection was lost.
    pub async fn offer(self, event: Event) -> Option<Outcome> {
        let Open { source, gone, .. } = self.0;
        tokio::select! {
            biased;
            () = gone.cancelled() => None,
            outcome = source.offer(event) => Some(outcome),
        }
    }
}
