//! When a failed operation may be retried, and its last error.

use danube_wasm_broker::{Backoff, BrokerError, ErrorKind};
use tokio::time::Instant;

use crate::limits::{BACKOFF_MAX, BACKOFF_MIN, ROOM_PAUSE};

/// See the module.
pub(super) struct RetryTimer {
    backoff: Backoff,
    from: Option<Instant>,
    error: Option<BrokerError>,
}

impl Default for RetryTimer {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(BACKOFF_MIN),
            from: None,
            error: None,
        }
    }
}

impl RetryTimer {
    /// The earliest time of the next try.
    pub(super) fn earliest(&self) -> Instant {
        self.from.unwrap_or_else(Instant::now)
    }

    /// Whether it may be tried now.
    pub(super) fn is_due(&self) -> bool {
        self.from.is_none_or(|from| from <= Instant::now())
    }

    /// When it may be tried, if not now.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        self.from.filter(|from| *from > Instant::now())
    }

    /// The error of the last try, if it failed.
    pub(super) fn last_error(&self) -> Option<String> {
        self.error.as_ref().map(|error| error.message.clone())
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn record_failure(&mut self, error: BrokerError) {
        // Every acknowledgement frees room, so this is retried soon; a broker or a disk gets more time.
        let wait = match error.kind {
            ErrorKind::Storage => ROOM_PAUSE,
            _ => self.backoff.next(BACKOFF_MAX),
        };
        if self.error.is_none() {
            tracing::warn!(kind = error.kind.as_str(), %error, "a spool is held up; trying again");
        }
        self.from = Some(Instant::now() + wait);
        self.error = Some(error);
    }
}
