//! The proof that what the broker accepted is safe: asked after the flush time, it still has the session.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Broker, Result};
use futures_util::{
    FutureExt,
    future::{BoxFuture, OptionFuture},
};
use tokio::time::Instant;

use super::answer_of;
use crate::limits::CHECK_PAUSE_MAX;

/// See the module.
pub(super) struct Proof {
    /// The question that is being answered: what was accepted by then is safe if the session is still there.
    pub(super) question: OptionFuture<BoxFuture<'static, (Instant, Result<()>)>>,
    asking: bool,
    /// Not to be asked again before.
    from: Instant,
}

impl Proof {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            question: None.into(),
            asking: false,
            from: now,
        }
    }

    /// When to ask, if something is `due`.
    pub(super) fn ask_at(&self, due: Option<Instant>) -> Option<Instant> {
        due.filter(|_| !self.asking).map(|due| due.max(self.from))
    }

    /// Asks.
    pub(super) fn ask(&mut self, broker: Arc<dyn Broker>, flush: Duration, now: Instant) {
        // Many records share a question.
        self.from = now + (flush / 8).min(CHECK_PAUSE_MAX);
        let Some(until) = now.checked_sub(flush) else { return };
        self.asking = true;
        self.question = Some(async move { (until, answer_of(broker.check_sessions()).await) }.boxed()).into();
    }

    /// It was answered.
    pub(super) fn answered(&mut self) {
        self.question = None.into();
        self.asking = false;
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_broker::embedded::{EmbeddedBroker, EmbeddedOptions};

    use super::*;

    #[tokio::test]
    async fn only_what_was_accepted_a_flush_time_ago_is_proven() {
        let directory = tempfile::tempdir().expect("a directory");
        let broker = EmbeddedBroker::open(directory.path(), EmbeddedOptions::default()).expect("opens");
        let (start, flush) = (Instant::now(), Duration::from_secs(10));
        let mut proof = Proof::new(start);
        assert_eq!(proof.ask_at(None), None);
        assert_eq!(proof.ask_at(Some(start + flush)), Some(start + flush));
        proof.ask(broker, flush, start + flush);
        assert_eq!(proof.ask_at(Some(start + flush)), None, "being asked");
        let (until, result) = (&mut proof.question).await.expect("asked");
        assert_eq!((until, result.is_ok()), (start, true));
        proof.answered();
        assert_eq!(
            proof.ask_at(Some(start + flush)),
            Some(start + flush + CHECK_PAUSE_MAX),
            "not all the time"
        );
    }
}
