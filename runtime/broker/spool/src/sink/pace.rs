//! When something that failed may be tried again, and what is said of it meanwhile.

use danube_wasm_broker::{BrokerError, ErrorKind};
use tokio::time::Instant;

use crate::{backoff::Backoff, limits::ROOM_PAUSE};

/// See the module.
#[derive(Default)]
pub(super) struct Pace {
    backoff: Backoff,
    from: Option<Instant>,
    trouble: Option<BrokerError>,
}

impl Pace {
    /// Not to be tried before.
    pub(super) fn from(&self) -> Instant {
        self.from.unwrap_or_else(Instant::now)
    }

    /// Whether it may be tried now.
    pub(super) fn may(&self) -> bool {
        self.from.is_none_or(|from| from <= Instant::now())
    }

    /// When it may be tried, if not yet.
    pub(super) fn until(&self) -> Option<Instant> {
        self.from.filter(|from| *from > Instant::now())
    }

    /// Why it failed, if it did last time.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.as_ref().map(|error| error.message.clone())
    }

    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(super) fn failed(&mut self, error: BrokerError) {
        // Room comes with every acknowledgement; a broker or a disk is given time.
        let wait = match error.kind {
            ErrorKind::Storage => ROOM_PAUSE,
            _ => self.backoff.next(),
        };
        if self.trouble.is_none() {
            tracing::warn!(kind = error.kind.as_str(), %error, "a spool is held up; trying again");
        }
        self.from = Some(Instant::now() + wait);
        self.trouble = Some(error);
    }
}
