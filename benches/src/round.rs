//! One round of one side: how many records, in what time, for how much CPU time.
//!
//! A child takes the time itself ([`Clock`]) and prints it as its account. In a benchmark of a source it begins with the first
//! record. The real program cannot take this time, so its metrics are read again and again ([`watch`]), and the time begins
//! with the last look at which nothing was done. Starting, joining a group and signing in are in neither.
//!
//! In a benchmark of a sink a child begins when it is ready to send ([`Clock::started`]), and the real program when it logs
//! `running`. There [`watch`] would be wrong: a sink acknowledges batches of up to 10,000 rows, so that the first of them would
//! count without the time that they took.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::child;

/// Between two looks. Each makes the program write a page of metrics, and this work is measured too.
const PAUSE: Duration = Duration::from_millis(25);
/// Longest wait for the next record.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);

/// What was measured. What a record is depends on the benchmark: a row, an event, a span.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Records that were done in the time.
    pub records: u64,
    /// The time.
    pub elapsed: Duration,
    /// CPU time of the process meanwhile.
    pub cpu: Duration,
}

/// A process at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Records that it has done.
    pub done: u64,
    /// CPU time that it has used.
    pub cpu: Duration,
}

impl Round {
    /// Read from the account of a child: see [`Clock::account`].
    pub fn of_account(account: &str) -> Result<Self> {
        let field = |name| child::field(account, name);
        Ok(Self {
            records: field("records")? as u64,
            elapsed: Duration::from_secs_f64(field("seconds")?),
            cpu: Duration::from_secs_f64(field("cpu")?),
        })
    }

    /// Records a second.
    pub fn rate(&self) -> f64 {
        self.records as f64 / self.elapsed.as_secs_f64()
    }

    /// CPU time of a record, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.records as f64
    }
}

/// Looks at a process that was started at `since` until `total` records are done, and fails if there are more, or if no more
/// come. What is done before the first look counts only if it is all: the time is then that since the start.
pub fn watch(total: u64, since: Instant, mut look: impl FnMut() -> Result<Look>) -> Result<Round> {
    let mut begun: Option<(Instant, Look)> = None;
    let mut moved = (Instant::now(), 0);
    loop {
        let (now, seen) = (Instant::now(), look()?);
        ensure!(seen.done <= total, "{} of {total} records are done", seen.done);
        if seen.done == total {
            let (at, before) = begun.unwrap_or((since, Look::default()));
            return Ok(Round {
                records: total - before.done,
                elapsed: now - at,
                cpu: seen.cpu.saturating_sub(before.cpu),
            });
        }
        if seen.done == 0 || begun.is_none() {
            begun = Some((now, seen));
        }
        if seen.done != moved.1 {
            moved = (now, seen.done);
        }
        ensure!(
            now - moved.0 < STANDSTILL_MAX,
            "{} of {total} records are done, and for {STANDSTILL_MAX:?} no more",
            seen.done
        );
        std::thread::park_timeout(PAUSE);
    }
}

/// Takes the time of this process, from a first record ([`Clock::record`]) or from when it was made ([`Clock::started`]).
#[derive(Debug, Default)]
pub struct Clock(Option<(Instant, Duration)>);

impl Clock {
    /// One that runs already.
    pub fn started() -> Result<Self> {
        Ok(Self(Some((Instant::now(), child::own_cpu()?))))
    }

    /// A record has come, which starts the clock if it is the first one.
    pub fn record(&mut self) -> Result<()> {
        if self.0.is_none() {
            *self = Self::started()?;
        }
        Ok(())
    }

    /// The account of a child whose last record is done now.
    pub fn account(&self, records: u64) -> Result<String> {
        let (begun, cpu) = self.0.context("no record has come")?;
        let seconds = begun.elapsed().as_secs_f64();
        let cpu = child::own_cpu()?.saturating_sub(cpu).as_secs_f64();
        Ok(format!("records={records} seconds={seconds} cpu={cpu}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(counts: &[u64]) -> Result<Round> {
        let mut counts = counts.iter();
        watch(100, Instant::now(), || {
            let done = *counts.next().expect("no more looks");
            let cpu = Duration::from_millis(done);
            Ok(Look { done, cpu })
        })
    }

    #[test]
    fn the_time_begins_with_the_last_look_at_nothing() {
        let round = watched(&[0, 0, 40, 100]).expect("all are done");
        assert_eq!((round.records, round.cpu), (100, Duration::from_millis(100)));
        assert!(round.elapsed >= PAUSE && round.elapsed < 100 * PAUSE);
    }

    #[test]
    fn what_was_done_before_the_first_look_does_not_count() {
        let round = watched(&[30, 60, 100]).expect("all are done");
        assert_eq!((round.records, round.cpu), (70, Duration::from_millis(70)));
    }

    #[test]
    fn all_that_was_done_before_the_first_look_counts() {
        assert_eq!(watched(&[100]).expect("all are done").records, 100);
    }

    #[test]
    fn more_than_there_are_is_an_error() {
        assert!(watched(&[0, 101]).is_err());
    }

    #[test]
    fn an_account_is_read_as_it_was_given() {
        let clock = Clock::started().expect("a process");
        let account = clock.account(7).expect("it runs");
        assert_eq!(Round::of_account(&account).expect("an account").records, 7);
    }

    #[test]
    fn a_clock_starts_with_the_first_record() {
        let mut clock = Clock::default();
        assert!(clock.account(0).is_err());
        clock.record().expect("a process");
        let begun = clock.0;
        clock.record().expect("a process");
        assert!(begun.is_some() && clock.0 == begun);
    }
}
