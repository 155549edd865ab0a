//! A forwarder's state between two losses.

use std::{collections::HashMap, sync::Arc};

use danube_wasm_broker::{Acker, MessageId, Published, Publisher, Result};
use futures_util::{FutureExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    flush_confirmation::FlushConfirmation,
    window::{Call, Window},
};
use crate::{epochs::Epoch, limits::CALL_TIME_MAX};

/// Records and their results.
pub(super) type Answer = (Vec<MessageId>, Vec<Result<Published>>);

/// See the module.
pub(super) struct Run {
    pub(super) epoch: Epoch,
    pub(super) acker: Arc<dyn Acker>,
    /// Opened in this run: records handed to them are not published in a session that was opened after a loss.
    pub(super) publishers: HashMap<Arc<str>, Arc<dyn Publisher>>,
    pub(super) window: Window,
    pub(super) calls: FuturesUnordered<BoxFuture<'static, Answer>>,
    pub(super) confirmation: FlushConfirmation,
    /// When the broker last answered, or when the first of the open calls was made.
    pub(super) last_answer: Instant,
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
            confirmation: FlushConfirmation::new(now),
            last_answer: now,
        }
    }

    /// Publishes records.
    pub(super) fn call(&mut self, publisher: &dyn Publisher, call: Call) {
        if self.calls.is_empty() {
            self.last_answer = Instant::now();
        }
        let (ids, answer) = (call.ids, publisher.publish(call.groups));
        self.calls.push(answer.map(|results| (ids, results)).boxed());
    }

    /// When the broker has not answered for too long, if a call is open.
    pub(super) fn stalled_at(&self) -> Instant {
        self.last_answer + CALL_TIME_MAX
    }
}
