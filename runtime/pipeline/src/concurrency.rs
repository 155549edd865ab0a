//! How many lanes may write to a target at a time: as many as make it faster.
//!
//! A target that is busy answers later; one more writer then only makes all of them wait. So the limit climbs while it
//! pays: after each window of writes the throughput at this limit is compared with what it was with one writer less. If
//! that is hardly less, the last writer brings nothing and is taken away, and the next try is a while later, each time
//! longer; else one more is tried. A failure that the target may recover from halves the limit at once, so that after an
//! outage the writers come back one by one.
//!
//! Throughput is estimated write by write, as rows a second of this one times the writers at its start, because windows
//! of wall time would count a quiet source as a slow target.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use crate::instruments::Instruments;

/// Writes after which a limit is judged.
const WINDOW: u32 = 16;
/// How much more a writer must bring to stay, of what there was without it.
const GAIN_MIN: f64 = 1.1;
/// Windows for which a writer that brought nothing is not tried again, at first and at most.
const REST_WINDOWS: (u32, u32) = (4, 64);

/// The writers of one sink.
pub(crate) struct Concurrency {
    state: Mutex<State>,
    freed: Notify,
    instruments: Instruments,
}

struct State {
    limit: usize,
    limit_max: usize,
    busy: usize,
    window: Window,
    /// Rows a second with n + 1 writers, when that was last measured.
    rates: Vec<Option<f64>>,
    /// Windows until another writer is tried, and how many it was last time.
    rest: (u32, u32),
}

/// What was measured at the present limit.
#[derive(Default)]
struct Window {
    writes: u32,
    rate_sum: f64,
}

/// A place among the writers. Report how the write went; dropped without a report, it says nothing about the target.
#[must_use]
pub(crate) struct Slot {
    concurrency: Arc<Concurrency>,
    writers: usize,
    begun: Instant,
}

impl Concurrency {
    /// At most so many.
    pub(crate) fn up_to(limit_max: usize, instruments: Instruments) -> Arc<Self> {
        let limit_max = limit_max.max(1);
        instruments.concurrency(1);
        Arc::new(Self {
            state: Mutex::new(State {
                limit: 1,
                limit_max,
                busy: 0,
                window: Window::default(),
                rates: vec![None; limit_max],
                rest: (0, 0),
            }),
            freed: Notify::new(),
            instruments,
        })
    }

    /// Waits until one more may write.
    pub(crate) async fn slot(self: &Arc<Self>) -> Slot {
        loop {
            // Before asking, so that no change is missed.
            let freed = self.freed.notified();
            if let Some(writers) = self.enter() {
                return Slot {
                    concurrency: self.clone(),
                    writers,
                    begun: Instant::now(),
                };
            }
            freed.await;
        }
    }

    fn enter(&self) -> Option<usize> {
        let mut state = self.state.lock();
        (state.busy < state.limit).then(|| {
            state.busy += 1;
            state.busy
        })
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        let before = state.limit;
        change(&mut state);
        if state.limit != before {
            self.instruments.concurrency(state.limit);
        }
    }
}

impl Slot {
    /// So many rows were written.
    pub(crate) fn wrote(self, rows: usize) {
        let secs = self.begun.elapsed().as_secs_f64();
        // A write that took no time says nothing about how long writes take.
        if secs > 0.0 {
            let rate = rows as f64 * self.writers as f64 / secs;
            self.concurrency.change(|state| state.measured(self.writers, rate));
        }
    }

    /// The target did not take it now.
    pub(crate) fn failed(self) {
        self.concurrency.change(State::overloaded);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.concurrency.state.lock().busy -= 1;
        self.concurrency.freed.notify_waiters();
    }
}

impl State {
    fn measured(&mut self, writers: usize, rate: f64) {
        // With fewer writers than there may be, the source is the slow one.
        if writers < self.limit {
            return;
        }
        self.window.writes += 1;
        self.window.rate_sum += rate;
        if self.window.writes == WINDOW {
            let rate = self.window.rate_sum / f64::from(WINDOW);
            self.window = Window::default();
            self.rates[self.limit - 1] = Some(rate);
            self.adjust_limit(rate);
        }
    }

    fn adjust_limit(&mut self, rate: f64) {
        let before = self.limit.checked_sub(2).and_then(|fewer| self.rates[fewer]);
        if before.is_some_and(|before| rate < before * GAIN_MIN) {
            self.limit -= 1;
            let rest = (self.rest.1 * 2).clamp(REST_WINDOWS.0, REST_WINDOWS.1);
            self.rest = (rest, rest);
        } else if self.rest.0 > 0 {
            self.rest.0 -= 1;
        } else if self.limit < self.limit_max {
            self.limit += 1;
        } else {
            // All of them pay: the next one that does not is new.
            self.rest = (0, 0);
        }
    }

    fn overloaded(&mut self) {
        self.limit = (self.limit / 2).max(1);
        self.window = Window::default();
        // What was measured before says little about a target that has just failed.
        self.rates.fill(None);
        self.rest = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROWS: usize = 100;

    /// Writes from so many lanes to a target that works on `capacity` at a time; the limit after so long.
    async fn after(secs: u64, lanes: usize, capacity: usize, concurrency: &Arc<Concurrency>) -> usize {
        let until = Instant::now() + Duration::from_secs(secs);
        let target = Arc::new(tokio::sync::Semaphore::new(capacity));
        let mut writing = tokio::task::JoinSet::new();
        for _ in 0..lanes {
            let (concurrency, target) = (concurrency.clone(), target.clone());
            writing.spawn(async move {
                while Instant::now() < until {
                    let slot = concurrency.slot().await;
                    let _served = target.acquire().await.expect("open");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    slot.wrote(ROWS);
                }
            });
        }
        while writing.join_next().await.is_some() {}
        concurrency.state.lock().limit
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_only_answers_late_gets_every_lane() {
        let concurrency = Concurrency::up_to(8, Instruments::default());
        assert_eq!(after(60, 8, 8, &concurrency).await, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_works_on_three_at_a_time_gets_three_or_one_more_on_trial() {
        let concurrency = Concurrency::up_to(16, Instruments::default());
        let limit = after(120, 16, 3, &concurrency).await;
        assert!((3..=4).contains(&limit), "{limit}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_halves_and_the_writers_come_back() {
        let concurrency = Concurrency::up_to(8, Instruments::default());
        after(60, 8, 8, &concurrency).await;
        concurrency.slot().await.failed();
        assert_eq!(concurrency.state.lock().limit, 4);
        assert_eq!(after(60, 8, 8, &concurrency).await, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_source_changes_nothing() {
        let concurrency = Concurrency::up_to(8, Instruments::default());
        after(60, 8, 8, &concurrency).await;
        assert_eq!(after(60, 1, 8, &concurrency).await, 8);
    }
}
