//! How many requests an endpoint gets at a time: as many as it answers without becoming slower.
//!
//! The limit rises by one for each round of requests that are answered, as long as there is more to send than it allows.
//! An endpoint that asks for less or does not answer in time has it halved; one whose answers take much longer than they
//! usually do loses a tenth. Both happen once a round at most, because the requests of a round have met the same trouble.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::limits::IN_FLIGHT_AT_START;

/// Weight of the newest answer in what is usual lately.
const RECENT: f64 = 0.2;
/// Likewise, in the long run.
const USUAL: f64 = 0.01;
/// How many times longer than usual answers take before there are fewer requests.
const SLOWER_FACTOR: f64 = 2.0;
/// And by how many seconds at least.
const SLOWER_SECS: f64 = 0.02;

/// The requests of one endpoint.
pub(crate) struct Concurrency {
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    limit: f64,
    limit_max: f64,
    busy: usize,
    /// Answers until the limit may be lowered again.
    settling: usize,
    recent: Option<f64>,
    usual: Option<f64>,
}

/// Leave for one request. Dropped without a word, it says nothing about the endpoint.
#[must_use]
pub(crate) struct Permit {
    concurrency: Arc<Concurrency>,
}

impl Concurrency {
    /// At most so many.
    pub(crate) fn new(limit_max: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                limit: limit_max.min(IN_FLIGHT_AT_START) as f64,
                limit_max: limit_max as f64,
                busy: 0,
                settling: 0,
                recent: None,
                usual: None,
            }),
            freed: Notify::new(),
        })
    }

    /// Waits until there is room for one more.
    pub(crate) async fn enter(self: &Arc<Self>) -> Permit {
        loop {
            let freed = self.freed.notified();
            if self.state.lock().take() {
                return Permit {
                    concurrency: self.clone(),
                };
            }
            freed.await;
        }
    }

    /// How many are let in at a time.
    pub(crate) fn limit(&self) -> usize {
        self.state.lock().limit as usize
    }

    fn changed(&self, change: impl FnOnce(&mut State)) {
        let rose = {
            let mut state = self.state.lock();
            let before = state.limit as usize;
            change(&mut state);
            state.limit as usize > before
        };
        if rose {
            self.freed.notify_one();
        }
    }
}

impl State {
    fn take(&mut self) -> bool {
        let is_free = self.busy < self.limit as usize;
        self.busy += usize::from(is_free);
        is_free
    }

    fn answered(&mut self, elapsed: Duration) {
        let secs = elapsed.as_secs_f64();
        let mix = |average: &mut Option<f64>, weight: f64| {
            let mixed = average.map_or(secs, |average| average + weight * (secs - average));
            *average = Some(mixed);
            mixed
        };
        let (recent, usual) = (mix(&mut self.recent, RECENT), mix(&mut self.usual, USUAL));
        self.settling = self.settling.saturating_sub(1);
        if recent > usual * SLOWER_FACTOR && recent > usual + SLOWER_SECS {
            self.lower(0.9);
        } else if self.busy >= self.limit as usize {
            self.limit = (self.limit + 1.0 / self.limit).min(self.limit_max);
        }
    }

    fn lower(&mut self, factor: f64) {
        if self.settling == 0 {
            self.settling = self.busy.max(1);
            self.limit = (self.limit * factor).max(1.0);
        }
    }
}

impl Permit {
    /// It was answered, after so long.
    pub(crate) fn answered(&self, elapsed: Duration) {
        self.concurrency.changed(|state| state.answered(elapsed));
    }

    /// The endpoint asks for less, or does not answer.
    pub(crate) fn overloaded(&self) {
        self.concurrency.changed(|state| state.lower(0.5));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.concurrency.state.lock().busy -= 1;
        self.concurrency.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(limit_max: f64) -> State {
        State {
            limit: 8.0_f64.min(limit_max),
            limit_max,
            busy: 0,
            settling: 0,
            recent: None,
            usual: None,
        }
    }

    /// As many answers as a limit is worth, while there is more to send.
    fn round(state: &mut State, millis: u64) {
        state.busy = state.limit as usize;
        (0..state.busy).for_each(|_| state.answered(Duration::from_millis(millis)));
    }

    #[test]
    fn it_rises_while_answers_come_as_usual_and_never_above_its_maximum() {
        let mut state = state(16.0);
        round(&mut state, 10);
        assert!(state.limit > 8.5 && state.limit < 9.5, "{}", state.limit);
        (0..20).for_each(|_| round(&mut state, 10));
        assert_eq!(state.limit, 16.0);
    }

    #[test]
    fn without_more_to_send_it_stays() {
        let mut state = state(16.0);
        state.busy = 1;
        (0..100).for_each(|_| state.answered(Duration::from_millis(10)));
        assert_eq!(state.limit, 8.0);
    }

    #[test]
    fn an_endpoint_that_asks_for_less_gets_half_once_a_round() {
        let mut state = state(64.0);
        state.busy = 8;
        (0..8).for_each(|_| state.lower(0.5));
        assert_eq!(state.limit, 4.0);
        round(&mut state, 10);
        round(&mut state, 10);
        state.lower(0.5);
        assert!(state.limit < 3.5, "{}", state.limit);
        (0..100).for_each(|_| {
            state.settling = 0;
            state.lower(0.5);
        });
        assert_eq!(state.limit, 1.0, "one always goes through");
    }

    #[test]
    fn an_endpoint_that_becomes_slow_gets_less() {
        let mut state = state(16.0);
        (0..20).for_each(|_| round(&mut state, 10));
        (0..3).for_each(|_| round(&mut state, 200));
        assert!(state.limit < 16.0, "{}", state.limit);
    }

    #[tokio::test]
    async fn leave_is_given_back() {
        let concurrency = Concurrency::new(1);
        let permit = concurrency.enter().await;
        let next = tokio::spawn({
            let concurrency = concurrency.clone();
            async move { drop(concurrency.enter().await) }
        });
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        permit.answered(Duration::ZERO);
        drop(permit);
        next.await.expect("its turn");
    }
}
