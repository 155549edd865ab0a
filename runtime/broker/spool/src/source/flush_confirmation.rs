//! Confirms that accepted records are safe: after the flush time the broker is asked whether it still has the session.

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
pub(super) struct FlushConfirmation {
    /// The request in progress: records accepted by that time are safe if the session still exists.
    pub(super) request: OptionFuture<BoxFuture<'static, (Instant, Result<()>)>>,
    in_progress: bool,
    /// The earliest time of the next request.
    from: Instant,
}

impl FlushConfirmation {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            request: None.into(),
            in_progress: false,
            from: now,
        }
    }

    /// When to make the next request, if a record is `due`.
    pub(super) fn next_request_at(&self, due: Option<Instant>) -> Option<Instant> {
        due.filter(|_| !self.in_progress).map(|due| due.max(self.from))
    }

    /// Starts a request.
    pub(super) fn start(&mut self, broker: Arc<dyn Broker>, flush: Duration, now: Instant) {
        // Many records share a request.
        self.from = now + (flush / 8).min(CHECK_PAUSE_MAX);
        let Some(until) = now.checked_sub(flush) else { return };
        self.in_progress = true;
        self.request = Some(async move { (until, answer_of(broker.check_sessions()).await) }.boxed()).into();
    }

    /// The request was answered.
    pub(super) fn finish(&mut self) {
        self.request = None.into();
        self.in_progress = false;
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
        let mut confirmation = FlushConfirmation::new(start);
        assert_eq!(confirmation.next_request_at(None), None);
        assert_eq!(confirmation.next_request_at(Some(start + flush)), Some(start + flush));
        confirmation.start(broker, flush, start + flush);
        assert_eq!(confirmation.next_request_at(Some(start + flush)), None, "being asked");
        let (until, result) = (&mut confirmation.request).await.expect("asked");
        assert_eq!((until, result.is_ok()), (start, true));
        confirmation.finish();
        assert_eq!(
            confirmation.next_request_at(Some(start + flush)),
            Some(start + flush + CHECK_PAUSE_MAX),
            "not all the time"
        );
    }
}
