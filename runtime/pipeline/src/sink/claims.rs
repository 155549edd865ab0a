//! How far a component is believed when it says that a failure will pass.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Backoff, BackoffPolicy};

/// How often a component's own `retryable` is believed.
const CLAIMS_MAX: u32 = 10;
/// How long it is believed.
const CLAIM_TIME_MAX: Duration = Duration::from_secs(600);

/// The tries of one batch. A component that has used up its claims is not believed again within the batch, whatever
/// parts of it succeed: else one bad message would cost ten tries at each halving.
#[derive(Debug)]
pub(super) struct Claims {
    policy: BackoffPolicy,
    /// Waits for the component's sake.
    pub(super) guest: Backoff,
    /// Waits for the host's own sake.
    pub(super) host: Backoff,
    since: Option<Instant>,
    used_up: bool,
}

impl Claims {
    pub(super) fn new(policy: BackoffPolicy) -> Self {
        Self {
            policy,
            guest: policy.start(),
            host: policy.start(),
            since: None,
            used_up: false,
        }
    }

    /// Whether a claim is believed now.
    pub(super) fn believed(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.used_up |= self.guest.tries() >= CLAIMS_MAX || since.elapsed() >= CLAIM_TIME_MAX;
        !self.used_up
    }

    /// A call succeeded: later claims are about something else.
    pub(super) fn succeeded(&mut self) {
        let used_up = self.used_up;
        *self = Self {
            used_up,
            ..Self::new(self.policy)
        };
    }
}
