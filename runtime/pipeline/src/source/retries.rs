//! How long a source's component is called again with the same events because it asks for that.

use std::time::Duration;

use danube_wasm_model::door::Failure;
use tokio::time::Instant;

use crate::backoff::{ASKED_WAIT_MAX, Backoff, BackoffPolicy};

/// Longest time for which a component is called again with the same events. Their senders wait meanwhile, and so does what is
/// queued behind them on the lane; senders of webhooks give up after 10 to 30 seconds, and can come back themselves.
const RETRIES_TIME_MAX: Duration = Duration::from_secs(5);
/// Most calls with the same events, as the contract has it.
const RETRIES_MAX: u32 = 10;

/// The calls again with the events of one batch.
pub(super) struct Retries {
    backoff: Backoff,
    since: Option<Instant>,
    time_max: Duration,
}

impl Retries {
    /// While senders wait.
    pub(super) fn for_senders(policy: BackoffPolicy) -> Self {
        Self::within(policy, RETRIES_TIME_MAX)
    }

    /// While nobody waits: as long as a sink's component is called again.
    pub(super) fn inside(policy: BackoffPolicy) -> Self {
        Self::within(policy, ASKED_WAIT_MAX)
    }

    fn within(policy: BackoffPolicy, time_max: Duration) -> Self {
        Self {
            backoff: policy.start(),
            since: None,
            time_max,
        }
    }

    /// How long to wait before the next call; `None` if there have been enough.
    pub(super) fn next(&mut self, failure: &Failure) -> Option<Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.backoff.tries() >= RETRIES_MAX {
            return None;
        }
        let wait = self.backoff.next(failure.retry_after);
        (since.elapsed().saturating_add(wait) <= self.time_max).then_some(wait)
    }

    /// How often it was called again.
    pub(super) fn count(&self) -> u32 {
        self.backoff.tries()
    }
}
