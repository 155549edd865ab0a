//! A circuit breaker: after failures in a row, calls pause, then one at a time is let through to see.
//!
//! ```text
//! closed ── failures in a row ──▶ open ── wait ──▶ half-open ── success ──▶ closed
//!                                  ▲                  │
//!                                  └──── failure ─────┘  each wait longer than the last
//! ```
//!
//! The lanes of a connector share one for each thing that can be broken as a whole: the target, the broker, the
//! component. So an outage costs one call a wait, not one a lane, and a caller that cannot wait (a source's sender) is refused
//! at once.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::{ConnectorId, door::GuestError};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::{
    backoff::{Backoff, BackoffPolicy},
    instruments::Instruments,
    mutants::{self, Mutant},
    status::{Cause, StatusCell},
};

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures_max: u32,
    /// How long it stays open, each time longer.
    pub waits: BackoffPolicy,
}

/// What a circuit protects; a closed set, also a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// The target that a sink writes to.
    Target,
    /// The broker that a source publishes to.
    Broker,
    /// The component: its instances keep dying.
    Component,
}

impl Dependency {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Broker => "broker",
            Self::Component => "component",
        }
    }
}

/// As a metric: 0, 1, 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Circuit {
    Closed,
    /// One call is under way.
    HalfOpen,
    Open {
        until: Instant,
    },
}

#[derive(Debug)]
struct State {
    circuit: Circuit,
    /// Failures in a row.
    failures: u32,
    waits: Backoff,
}

/// A circuit.
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    state: Mutex<State>,
    /// Wakes those who wait, in the order in which they came.
    changed: Notify,
    behind: Dependency,
    instruments: Instruments,
}

/// A permit for one call. Report how it went; dropped without a report, it changes nothing.
#[must_use]
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    /// This call decides a half-open circuit.
    is_probe: bool,
}

/// How long a caller waits for another's deciding call before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy, behind: Dependency, instruments: Instruments) -> Arc<Self> {
        let state = State {
            circuit: Circuit::Closed,
            failures: 0,
            waits: policy.waits.start(),
        };
        instruments.circuit(behind.as_str(), 0);
        Arc::new(Self {
            policy,
            state: Mutex::new(state),
            changed: Notify::new(),
            behind,
            instruments,
        })
    }

    /// Waits until a call may be made.
    pub(crate) async fn permit(self: &Arc<Self>) -> Permit {
        loop {
            // Before asking, so that no change is missed.
            let changed = self.changed.notified();
            match self.try_permit() {
                Ok(permit) => return permit,
                Err(wait) => {
                    let _ = tokio::time::timeout(wait, changed).await;
                }
            }
        }
    }

    /// A permit to call now, or how long to wait before asking again.
    pub(crate) fn try_permit(self: &Arc<Self>) -> Result<Permit, Duration> {
        let mut answer = Err(LOOK_AGAIN);
        self.change(|state| match state.circuit {
            Circuit::Closed => answer = Ok(false),
            Circuit::HalfOpen => {}
            Circuit::Open { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    state.circuit = Circuit::HalfOpen;
                    answer = Ok(true);
                } else {
                    answer = Err(left);
                }
            }
        });
        answer.map(|is_probe| Permit {
            breaker: self.clone(),
            is_probe,
        })
    }

    /// A permit in any state of the circuit, for the second half of a call that it let through. Its failure
    /// decides nothing.
    pub(crate) fn force_permit(self: &Arc<Self>) -> Permit {
        Permit {
            breaker: self.clone(),
            is_probe: false,
        }
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.state.lock().failures
    }

    fn failed(&self, is_probe: bool, floor: Option<Duration>) -> Option<Duration> {
        let mut opened = None;
        self.change(|state| {
            // A call that began before the circuit opened says nothing new.
            if !is_probe && state.circuit != Circuit::Closed {
                return;
            }
            state.failures = state.failures.saturating_add(1);
            if state.failures >= self.policy.failures_max {
                let wait = state.waits.next(floor);
                state.circuit = Circuit::Open {
                    until: Instant::now() + wait,
                };
                opened = Some(wait);
            }
        });
        opened
    }

    fn succeeded(&self) {
        self.change(|state| {
            if state.failures > 0 && !mutants::is(Mutant::BreakerStaysOpen) {
                state.circuit = Circuit::Closed;
                state.failures = 0;
                state.waits = self.policy.waits.start();
            }
        });
    }

    /// Changes the state and shows what became of it.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        let before = state.circuit;
        change(&mut state);
        if before == state.circuit {
            return;
        }
        let shown = match state.circuit {
            Circuit::Closed => 0,
            Circuit::HalfOpen => 1,
            Circuit::Open { .. } => 2,
        };
        self.instruments.circuit(self.behind.as_str(), shown);
        drop(state);
        self.changed.notify_waiters();
    }
}

impl Permit {
    /// Whether this call decides a half-open circuit.
    pub(crate) fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// What is behind the circuit works.
    pub(crate) fn succeeded(mut self) {
        self.is_probe = false;
        self.breaker.succeeded();
    }

    /// It does not. How long the circuit is open now, if this opened it; at least `floor`.
    pub(crate) fn failed(mut self, floor: Option<Duration>) -> Option<Duration> {
        let is_probe = std::mem::take(&mut self.is_probe);
        self.breaker.failed(is_probe, floor)
    }
}

impl Permit {
    /// Reports how a call into a component went, here and in the connector's status.
    pub(crate) fn record<T>(self, connector: &ConnectorId, status: &StatusCell, result: &Result<T, GuestError>) {
        let breaker = self.breaker.clone();
        match result {
            Err(error) if error.is_crash() => {
                if self.failed(None).is_some() {
                    let crashes = breaker.failures();
                    tracing::warn!(%connector, crashes, %error, "the component's instances keep dying; calls pause");
                    status.crashing(crashes, error);
                }
            }
            // It does not work, but it lives.
            Ok(_) | Err(GuestError::Failure(_)) => {
                self.succeeded();
                status.recover(Cause::Component);
            }
            Err(_) => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            // The next caller decides.
            self.breaker.change(|state| {
                state.circuit = Circuit::Open { until: Instant::now() };
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(failures_max: u32) -> Arc<Breaker> {
        let waits = BackoffPolicy::try_new(Duration::from_secs(1), Duration::from_secs(4)).expect("valid");
        let policy = BreakerPolicy { failures_max, waits };
        Breaker::new(policy, Dependency::Target, Instruments::default())
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_lets_one_call_through_after_the_wait() {
        let breaker = breaker(3);
        for _ in 0..2 {
            assert_eq!(breaker.permit().await.failed(None), None);
        }
        breaker.permit().await.succeeded();
        for _ in 0..2 {
            assert_eq!(breaker.permit().await.failed(None), None, "the row was broken");
        }
        let wait = breaker
            .permit()
            .await
            .failed(None)
            .expect("the third in a row opens it");
        assert!(breaker.try_permit().is_err());
        tokio::time::sleep(wait).await;
        let Ok(deciding) = breaker.try_permit() else {
            panic!("one call")
        };
        assert!(breaker.try_permit().is_err(), "and no other beside it");
        let longer = deciding.failed(None).expect("it opens again at the first failure");
        assert!(longer >= Duration::from_secs(1), "{longer:?}");
        breaker.permit().await.succeeded();
        assert_eq!(breaker.failures(), 0);
        assert!(breaker.try_permit().is_ok_and(|permit| !permit.is_probe));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deciding_call_that_goes_away_leaves_the_decision_to_the_next() {
        let breaker = breaker(1);
        let _ = breaker.permit().await.failed(None);
        drop(breaker.permit().await);
        let Ok(next) = breaker.try_permit() else {
            panic!("at once")
        };
        next.succeeded();
        assert_eq!(breaker.failures(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_does_not_make_the_wait_longer() {
        let breaker = breaker(1);
        let (first, late) = (breaker.permit().await, breaker.permit().await);
        let asked = Duration::from_secs(9);
        assert_eq!(first.failed(Some(asked)), Some(asked), "as long as the other side asks");
        assert_eq!(late.failed(None), None);
        assert_eq!(breaker.failures(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waiters_continue_when_it_closes() {
        let breaker = breaker(1);
        let slow = breaker.permit().await;
        let _ = breaker.permit().await.failed(Some(Duration::from_secs(3600)));
        let waiting = tokio::spawn({
            let breaker = breaker.clone();
            async move { breaker.permit().await.succeeded() }
        });
        tokio::task::yield_now().await;
        slow.succeeded();
        let closed = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        closed.expect("long before the wait is over").expect("no panic");
    }
}
