//! Finds a consumer that has messages and delivers none: servers are known to forget pulls (nats-server #4736, #5679, #5839).

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::CALL_TIMEOUT;

/// Since when nothing has come, and what is done about it.
#[derive(Debug)]
pub(super) struct StandstillDetector {
    after: Duration,
    /// When it is to be asked whether something should have come.
    due: Instant,
    next: Remedy,
}

/// What makes a consumer deliver again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Ask again. It is answered at once where something is there.
    NewPull,
    /// Have another server lead the consumer.
    NewLeader,
}

impl StandstillDetector {
    /// Silence for so long is looked into.
    pub(super) fn new(after: Duration) -> Self {
        Self {
            after,
            due: Instant::now() + after,
            next: Remedy::NewPull,
        }
    }

    /// A message has come, or there is none to come.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.after);
    }

    /// Whether it is to be asked whether messages are there.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Messages are there: what to do now. The stronger one only after the other did not help.
    pub(super) fn remedy(&mut self) -> Remedy {
        let (wait, next) = match self.next {
            Remedy::NewPull => (CALL_TIMEOUT, Remedy::NewLeader),
            Remedy::NewLeader => (self.after, Remedy::NewPull),
        };
        self.due = Instant::now() + wait;
        std::mem::replace(&mut self.next, next)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const AFTER: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn the_leader_is_replaced_only_if_a_new_pull_does_not_help() {
        let mut detector = StandstillDetector::new(AFTER);
        assert!(!detector.is_due());
        advance(AFTER).await;
        assert!(detector.is_due());
        assert_eq!(detector.remedy(), Remedy::NewPull);
        assert!(!detector.is_due(), "the pull is not answered yet");
        detector.reset();
        advance(AFTER).await;
        assert_eq!(detector.remedy(), Remedy::NewPull, "the last one has helped");
        advance(CALL_TIMEOUT).await;
        assert!(detector.is_due());
        assert_eq!(detector.remedy(), Remedy::NewLeader);
        advance(AFTER).await;
        assert_eq!(detector.remedy(), Remedy::NewPull);
    }
}
