//! How far a component is believed when it says that a failure will pass.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{ASKED_WAIT_MAX, Backoff, BackoffPolicy};

/// How often a component's own `retryable` is believed, and no longer than [`ASKED_WAIT_MAX`].
const CLAIMS_MAX: u32 = 10;

/// The tries of one batch. A component that has used up its claims is not believed again within the batch, whatever
/// parts of it succeed: else one bad message would cost ten tries at each halving.
#[derive(Debug)]
pub(crate) struct Claims {
    policy: BackoffPolicy,
    /// Waits for the component's sake.
    pub(crate) guest: Backoff,
    /// Waits for the host's own sake.
    pub(crate) host: Backoff,
    since: Option<Instant>,
    used_up: bool,
}

impl Claims {
    pub(crate) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            guest: policy.start(),
            host: policy.start(),
            since: None,
            used_up: false,
        }
    }

    /// Whether a claim is believed now.
    pub(crate) fn believed(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.used_up |= self.guest.tries() >= CLAIMS_MAX || since.elapsed() >= ASKED_WAIT_MAX;
        !self.used_up
    }

    /// How long to wait where the component asks for this: not past the time for which it is believed.
    pub(crate) fn wait_asked(&self, asked: Option<Duration>) -> Option<Duration> {
        let gone = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        asked.map(|wait| wait.min(ASKED_WAIT_MAX.saturating_sub(gone)))
    }

    /// A call succeeded: later claims are about something else.
    pub(crate) fn succeeded(&mut self) {
        let used_up = self.used_up;
        *self = Self {
            used_up,
            ..Self::new(self.policy)
        };
    }
}
