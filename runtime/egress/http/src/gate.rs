//! Whether an endpoint is written to at all. One that is down is left alone for a while, then one request tries it, and the
//! others wait for what becomes of that.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use rand::Rng as _;
use tokio::{sync::Notify, time::Instant};

use crate::{
    limits::{DOWN_WAIT, FAILURES_IN_A_ROW_MAX, UNFIT_WAIT},
    verdict::{Failure, FailureKind},
};

/// See the module.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    tried: Notify,
}

#[derive(Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    held: Option<Hold>,
}

struct Hold {
    until: Instant,
    why: Failure,
    is_tried: bool,
}

/// Leave for one request. Dropped without a word, another one may try.
#[must_use]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    is_trial: bool,
}

enum Entry {
    Pass(Pass),
    Held(Failure),
    /// Another request tries it.
    Wait,
}

impl Gate {
    /// Leave to send, or why not.
    pub(crate) async fn enter(self: &Arc<Self>) -> Result<Pass, Failure> {
        let mut has_waited = false;
        loop {
            let tried = self.tried.notified();
            tokio::pin!(tried);
            // From here on, before looking: nothing is missed.
            tried.as_mut().enable();
            match self.look(has_waited) {
                Entry::Pass(pass) => return Ok(pass),
                Entry::Held(failure) => return Err(failure),
                Entry::Wait => tried.await,
            }
            has_waited = true;
        }
    }

    /// Whether nothing but a trial is let through.
    pub(crate) fn is_held(&self) -> bool {
        self.state.lock().held.is_some()
    }

    fn look(self: &Arc<Self>, has_waited: bool) -> Entry {
        let mut state = self.state.lock();
        let pass = |is_trial| {
            Entry::Pass(Pass {
                gate: self.clone(),
                is_trial,
            })
        };
        let Some(hold) = &mut state.held else {
            return pass(false);
        };
        if hold.is_tried {
            return Entry::Wait;
        }
        let left = hold.until.saturating_duration_since(Instant::now());
        // Whoever has waited for a trial that failed does not try in its turn: that would be one request after the other.
        if has_waited || !left.is_zero() {
            return Entry::Held(Failure {
                retry_after: Some(left),
                ..hold.why.of_those_behind()
            });
        }
        hold.is_tried = true;
        pass(true)
    }
}

impl State {
    fn failed(&mut self, failure: &Failure) {
        self.failures = self.failures.saturating_add(1);
        let wait = match failure.kind {
            FailureKind::NotTried => return,
            FailureKind::Unfit => UNFIT_WAIT,
            FailureKind::Passes | FailureKind::Overloaded if self.must_go_on(failure) => return,
            _ => failure.retry_after.unwrap_or_default().max(self.backoff()),
        };
        self.held = Some(Hold {
            until: Instant::now() + wait,
            why: failure.clone(),
            is_tried: false,
        });
    }

    /// A failure that may be that of one record.
    fn must_go_on(&self, failure: &Failure) -> bool {
        let asked = failure.retry_after.is_some_and(|wait| !wait.is_zero());
        !asked && self.failures < FAILURES_IN_A_ROW_MAX
    }

    /// Doubles with each failure, drawn from its upper half.
    fn backoff(&self) -> Duration {
        let (first, longest) = DOWN_WAIT;
        let doubled = first.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
        doubled.min(longest).mul_f64(rand::rng().random_range(0.5..1.0))
    }
}

impl Pass {
    /// The endpoint has answered for a record, whatever it said.
    pub(crate) fn answered(self) {
        let mut state = self.gate.state.lock();
        state.failures = 0;
        state.held = None;
        drop(state);
        self.gate.tried.notify_waiters();
    }

    /// It has not.
    pub(crate) fn failed(self, failure: &Failure) {
        self.gate.state.lock().failed(failure);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_trial {
            if let Some(hold) = &mut self.gate.state.lock().held {
                hold.is_tried = false;
            }
            self.gate.tried.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "no")
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_tries_an_endpoint_that_is_down_and_the_others_wait_for_it() {
        let gate = Arc::new(Gate::default());
        gate.enter()
            .await
            .expect("open")
            .failed(&failure(FailureKind::Unreachable));
        let held = gate.enter().await.err().expect("held");
        assert_eq!(held.kind, FailureKind::NotTried);
        tokio::time::advance(held.retry_after.expect("a time")).await;
        let trial = gate.enter().await.expect("its turn");
        let mut other = Box::pin(gate.enter());
        assert!((&mut other).now_or_never().is_none());
        trial.failed(&failure(FailureKind::Unreachable));
        assert!(other.await.is_err(), "the trial has failed for all");
        tokio::time::advance(Duration::from_secs(60)).await;
        let trial = gate.enter().await.expect("its turn");
        let mut other = Box::pin(gate.enter());
        assert!((&mut other).now_or_never().is_none());
        trial.answered();
        drop(other.await.expect("up again"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_fails_its_receiver_does_not_hold_the_endpoint() {
        let gate = Arc::new(Gate::default());
        for _ in 0..20 {
            let poison = gate.enter().await.expect("open");
            poison.failed(&failure(FailureKind::Passes));
            gate.enter().await.expect("open").answered();
        }
        for _ in 0..FAILURES_IN_A_ROW_MAX {
            gate.enter().await.expect("open").failed(&failure(FailureKind::Passes));
        }
        assert!(gate.enter().await.is_err(), "nothing else in between");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wish_of_the_endpoint_holds_it_at_once() {
        let gate = Arc::new(Gate::default());
        let wish = Failure {
            retry_after: Some(Duration::from_secs(7)),
            ..failure(FailureKind::Overloaded)
        };
        gate.enter().await.expect("open").failed(&wish);
        let held = gate.enter().await.err().expect("held");
        assert_eq!(held.retry_after, Some(Duration::from_secs(7)));
        tokio::time::advance(Duration::from_secs(7)).await;
        drop(gate.enter().await.expect("its turn"));
        // That one was given up.
        drop(gate.enter().await.expect("the next one's"));
    }
}
