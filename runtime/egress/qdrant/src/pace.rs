//! How many requests are made at a time: fewer while the server is slow or asks for less.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::SUCCESSES_BEFORE_MORE;

/// How many requests are made at a time.
pub(crate) struct Pace {
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    max: usize,
}

struct State {
    limit: usize,
    successes: u32,
}

/// A request that may be made.
#[must_use]
pub(crate) struct Permit<'p> {
    pace: &'p Pace,
    permit: OwnedSemaphorePermit,
}

impl Pace {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max)),
            state: Mutex::new(State {
                limit: max,
                successes: 0,
            }),
            max,
        }
    }

    /// Waits until another request may be made.
    pub(crate) async fn enter(&self) -> Permit<'_> {
        #[expect(clippy::unwrap_used, reason = "it is never closed")]
        let permit = self.permits.clone().acquire_owned().await.unwrap();
        Permit { pace: self, permit }
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        self.state.lock().limit
    }
}

impl Permit<'_> {
    /// The server was slow, or asked for less.
    pub(crate) fn overloaded(self) {
        let mut state = self.pace.state.lock();
        state.successes = 0;
        if state.limit > 1 {
            state.limit -= 1;
            self.permit.forget();
        }
    }

    /// It went well.
    pub(crate) fn succeeded(self) {
        let mut state = self.pace.state.lock();
        state.successes += 1;
        if state.successes >= SUCCESSES_BEFORE_MORE && state.limit < self.pace.max {
            state.successes = 0;
            state.limit += 1;
            self.pace.permits.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_falls_with_each_overload_and_rises_after_successes() {
        let pace = Pace::new(3);
        for expected in [2, 1, 1] {
            pace.enter().await.overloaded();
            assert_eq!(pace.limit(), expected);
        }
        for _ in 0..3 * SUCCESSES_BEFORE_MORE {
            pace.enter().await.succeeded();
        }
        assert_eq!((pace.limit(), pace.permits.available_permits()), (3, 3));
        let held = [pace.enter().await, pace.enter().await, pace.enter().await];
        assert_eq!(pace.permits.available_permits(), 0);
        drop(held);
    }
}
