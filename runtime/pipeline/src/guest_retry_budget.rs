//! How often a component is called again because it says that a failure will pass.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{ASKED_WAIT_MAX, Backoff, BackoffPolicy};

/// Most retries for a component's own `retryable`, and no longer than [`ASKED_WAIT_MAX`].
const RETRIES_MAX: u32 = 10;

/// The tries of one batch. A component that has used up its retries gets no more within the batch, even if
/// parts of it succeed: else one bad message would cost ten tries at each halving.
#[derive(Debug)]
pub(crate) struct GuestRetryBudget {
    policy: BackoffPolicy,
    /// Waits for the component's sake.
    pub(crate) guest: Backoff,
    /// Waits for the host's own sake.
    pub(crate) host: Backoff,
    since: Option<Instant>,
    used_up: bool,
}

impl GuestRetryBudget {
    pub(crate) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            guest: policy.start(),
            host: policy.start(),
            since: None,
            used_up: false,
        }
    }

    /// Whether the component is called again now.
    pub(crate) fn allows_retry(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.used_up |= self.guest.tries() >= RETRIES_MAX || since.elapsed() >= ASKED_WAIT_MAX;
        !self.used_up
    }

    /// How long to wait where the component asks for this: not past the end of its retries.
    pub(crate) fn requested_wait(&self, asked: Option<Duration>) -> Option<Duration> {
        let elapsed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        asked.map(|wait| wait.min(ASKED_WAIT_MAX.saturating_sub(elapsed)))
    }

    /// A call succeeded: later failures are about something else.
    pub(crate) fn succeeded(&mut self) {
        let used_up = self.used_up;
        *self = Self {
            used_up,
            ..Self::new(self.policy)
        };
    }
}
