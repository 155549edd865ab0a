//! When the server is told how far we are.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    limits::{ANSWER_MAX, CONFIRM_EVERY},
    lsn::Lsn,
};

/// What was told, and when something is to be told next.
#[derive(Debug)]
pub(super) struct Status {
    interval: Duration,
    told: Lsn,
    told_at: Instant,
    heard_at: Instant,
}

impl Status {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self {
            interval,
            told: Lsn(0),
            told_at: now,
            heard_at: now,
        }
    }

    /// When to tell this position: soon if it is news.
    pub(super) fn due(&self, flushed: Lsn) -> Instant {
        match flushed > self.told {
            true => self.told_at + CONFIRM_EVERY.min(self.interval),
            false => self.told_at + self.interval,
        }
    }

    pub(super) fn told(&mut self, flushed: Lsn, now: Instant) {
        self.told = flushed;
        self.told_at = now;
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// Whether a sign of the server is worth asking for.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        now.duration_since(self.heard_at) >= self.interval / 2
    }

    /// Whether the server has answered nothing for so long that it must be gone.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        now.duration_since(self.heard_at) > self.interval + ANSWER_MAX
    }
}
