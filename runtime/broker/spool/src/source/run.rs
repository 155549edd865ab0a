//! What a forwarder works with from one loss to the next.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{Acker, MessageId, Published, Publisher, Result};
use futures_util::{FutureExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    proof::Proof,
    window::{Call, Window},
};
use crate::{epochs::Epoch, limits::CALL_TIME_MAX};

/// Which records, and what became of them.
pub(super) type Answer = (Vec<MessageId>, Vec<Result<Published>>);

/// See the module.
pub(super) struct Run {
    pub(super) epoch: Epoch,
    pub(super) acker: Arc<dyn Acker>,
    /// Opened in this run: what is handed to them is not published in a session that was opened after a loss.
    pub(super) publishers: HashMap<Arc<str>, Arc<dyn Publisher>>,
    pub(super) window: Window,
    pub(super) calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    pub(super) proof: Proof,
    /// When the broker last answered, or was handed something after it had answered all.
    pub(super) answered: Instant,
}

impl Run {
    pub(super) fn new(epoch: Epoch, acker: Arc<dyn Acker>) -> Self {
        let now = Instant::now();
        Self {
            epoch,
            acker,
            publishers: HashMap::new(),
            window: Window::default(),
            calls: FuturesUnordered::new(),
            proof: Proof::new(now),
            answered: now,
        }
    }

    /// Hands records to the broker.
    pub(super) fn call(&mut self, publisher: &dyn Publisher, call: Call) {
        if self.calls.is_empty() {
            self.answered = Instant::now();
        }
        let (ids, answer) = (call.ids, publisher.publish(call.groups));
        self.calls.push(answer.map(|results| (ids, results)).boxed());
    }

    /// When the broker has been silent for too long, if it has anything to answer.
    pub(super) fn stalled(&self) -> Instant {
        self.answered + CALL_TIME_MAX
    }
}
