//! How long a source's component is called again with the same events because it asks for that.

use std::time::Duration;

use danube_wasm_model::door::Failure;
use tokio::time::Instant;

use crate::{
    backoff::{Backoff, BackoffPolicy},
    guest_retry_budget::GuestRetryBudget,
};

/// Longest time for which a component is called again with the same events. Their senders wait meanwhile, and so does what is
/// queued behind them on the lane; senders of webhooks give up after 10 to 30 seconds, and can come back themselves.
const RETRIES_TIME_MAX: Duration = Duration::from_secs(5);
/// Most calls with the same events, as the contract has it.
const RETRIES_MAX: u32 = 10;

/// The calls again with the events of one batch.
pub(super) enum Retries {
    /// While senders wait.
    ForSenders(SenderRetries),
    /// While nobody waits: as often as a sink's component is called again.
    Inside(GuestRetryBudget),
}

impl Retries {
    /// How long to wait before the next call; `None` if there have been enough.
    pub(super) fn next(&mut self, failure: &Failure) -> Option<Duration> {
        match self {
            Self::ForSenders(senders) => senders.next(failure),
            Self::Inside(budget) => budget
                .allows_retry()
                .then(|| budget.guest.next(budget.requested_wait(failure.retry_after))),
        }
    }

    /// A part of the batch has passed.
    pub(super) fn succeeded(&mut self) {
        if let Self::Inside(budget) = self {
            budget.succeeded();
        }
    }

    /// How often it was called again.
    pub(super) fn count(&self) -> u32 {
        match self {
            Self::ForSenders(senders) => senders.backoff.tries(),
            Self::Inside(budget) => budget.guest.tries(),
        }
    }
}

/// Senders that wait for so long and no longer.
pub(super) struct SenderRetries {
    backoff: Backoff,
    since: Option<Instant>,
}

impl SenderRetries {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            backoff: policy.start(),
            since: None,
        }
    }

    /// `None` if the senders are to come back instead.
    fn next(&mut self, failure: &Failure) -> Option<Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.backoff.tries() >= RETRIES_MAX {
            return None;
        }
        let wait = self.backoff.next(failure.retry_after);
        (since.elapsed().saturating_add(wait) <= RETRIES_TIME_MAX).then_some(wait)
    }
}
