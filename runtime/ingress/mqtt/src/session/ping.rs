//! Keep alive: when to ping, and whether the broker is still there.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{ANSWER_MAX, PROOF_EVERY};

/// See the module.
#[derive(Debug)]
pub(super) struct Ping {
    every: Duration,
    /// How long an answer may take.
    answer_within: Duration,
    due: Instant,
    /// When the last one was sent, or the connection began.
    last: Instant,
    heard: Instant,
    sent: u64,
    answered: u64,
    /// When the oldest unanswered one was sent.
    waiting_since: Option<Instant>,
}

impl Ping {
    /// A broker that is gone is noticed within the keep alive time: pinged after half of it without anything to send, and given the
    /// other half for its answer. The broker itself gives up after one and a half times as long. A keep alive time of zero
    /// means that it never does; it is pinged all the same.
    pub(super) fn new(keep_alive_secs: u16, now: Instant) -> Self {
        let keep_alive = match keep_alive_secs {
            0 => Duration::from_secs(60),
            secs => Duration::from_secs(secs.into()),
        };
        let every = keep_alive / 2;
        Self {
            every,
            answer_within: every.min(ANSWER_MAX),
            due: now + every,
            last: now,
            heard: now,
            sent: 0,
            answered: 0,
            waiting_since: None,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.sent += 1;
        self.due = now + self.every;
        self.last = now;
        self.waiting_since.get_or_insert(now);
    }

    /// The broker is to prove that it has heard what was sent so far.
    pub(super) fn prove(&mut self) {
        self.due = self.due.min(self.last + PROOF_EVERY);
    }

    /// Gives how many are answered.
    pub(super) fn answered(&mut self, now: Instant) -> u64 {
        self.answered = (self.answered + 1).min(self.sent);
        self.waiting_since = (self.answered < self.sent).then_some(now);
        self.answered
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    pub(super) fn answer_within(&self) -> Duration {
        self.answer_within
    }

    pub(super) fn sent_so_far(&self) -> u64 {
        self.sent
    }

    /// Whether an answer is overdue. While nothing is read, none can come.
    pub(super) fn is_missed(&mut self, now: Instant, is_reading: bool) -> bool {
        if !is_reading {
            self.heard = now;
        }
        let since = self.waiting_since.map(|since| since.max(self.heard));
        since.is_some_and(|since| now.saturating_duration_since(since) >= self.answer_within)
    }

    pub(super) fn next(&self) -> Instant {
        match self.waiting_since {
            Some(since) => self.due.min(since.max(self.heard) + self.answer_within),
            None => self.due,
        }
    }
}
