//! How long a child may take on the clock.
//!
//! What compiling may take is processor time, which the kernel limits. The clock only ends a child that hangs, and on a
//! busy machine most of it passes while the child waits for a processor. So that time does not count; and a child that
//! used a processor since the last check gets more, up to a multiple, because some of its waiting is not told
//! (a container over its share of the processors).

use std::{fs, pin::pin, time::Duration};

use tokio::time::{Instant, timeout};

/// Multiple of `wall_max` after which a child that makes progress is stopped, too.
const EXTENSION_MAX: u32 = 10;
/// Part of the time that a child has to have used a processor to make progress: a hundredth.
const PROGRESS: u32 = 100;
/// Shortest time between two checks.
const INTERVAL_MIN: Duration = Duration::from_millis(20);

/// What a process has had of the processors, as the kernel counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct ProcessorTime {
    used: Duration,
    /// It was ready to run, and others ran.
    waited: Duration,
}

impl ProcessorTime {
    /// Of a process's main thread; nothing if the kernel does not tell.
    fn of(pid: u32) -> Self {
        let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().unwrap_or(0));
        Self {
            used: Duration::from_nanos(numbers.next().unwrap_or(0)),
            waited: Duration::from_nanos(numbers.next().unwrap_or(0)),
        }
    }
}

/// The time of a child on the clock.
struct WallClock {
    wall_max: Duration,
    checked: (Duration, ProcessorTime),
}

impl WallClock {
    fn new(wall_max: Duration) -> Self {
        Self {
            wall_max,
            checked: Default::default(),
        }
    }

    /// How long to wait until the next check; nothing if the child is to be stopped.
    fn check(&mut self, elapsed: Duration, time: ProcessorTime) -> Option<Duration> {
        let own = elapsed.saturating_sub(time.waited);
        let (checked, before) = std::mem::replace(&mut self.checked, (elapsed, time));
        if own < self.wall_max {
            return Some((self.wall_max - own).max(INTERVAL_MIN));
        }
        let worked = time.used.saturating_sub(before.used) >= elapsed.saturating_sub(checked) / PROGRESS;
        let may_extend = own < self.wall_max.saturating_mul(EXTENSION_MAX);
        (worked && may_extend).then_some((self.wall_max / 4).max(INTERVAL_MIN))
    }
}

/// Waits for a child's work. Nothing if it is to be stopped.
pub(super) async fn within<T>(pid: Option<u32>, wall_max: Duration, work: impl Future<Output = T>) -> Option<T> {
    let started = Instant::now();
    let mut work = pin!(work);
    let mut clock = WallClock::new(wall_max);
    let mut wait = wall_max;
    loop {
        if let Ok(done) = timeout(wait, &mut work).await {
            return Some(done);
        }
        let time = pid.map(ProcessorTime::of).unwrap_or_default();
        wait = clock.check(started.elapsed(), time)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn time(used: u64, waited: u64) -> ProcessorTime {
        ProcessorTime {
            used: secs(used),
            waited: secs(waited),
        }
    }

    #[test]
    fn time_that_passes_while_others_run_does_not_count() {
        let mut clock = WallClock::new(secs(180));
        assert_eq!(clock.check(secs(180), time(20, 150)), Some(secs(150)));
        assert_eq!(clock.check(secs(330), time(40, 280)), Some(secs(130)));
        assert_eq!(clock.check(secs(5_000), time(100, 4_900)), Some(secs(80)));
    }

    #[test]
    fn a_child_that_does_nothing_is_stopped() {
        let mut clock = WallClock::new(secs(180));
        assert_eq!(clock.check(secs(180), time(0, 0)), None);
        let mut clock = WallClock::new(secs(180));
        assert_eq!(
            clock.check(secs(180), time(20, 0)),
            Some(secs(45)),
            "it worked until now"
        );
        assert_eq!(clock.check(secs(225), time(20, 0)), None);
    }

    #[test]
    fn a_child_that_works_and_is_held_back_gets_more_time_but_not_without_end() {
        let mut clock = WallClock::new(secs(180));
        for n in 0..36 {
            let elapsed = 180 + n * 45;
            assert!(clock.check(secs(elapsed), time(elapsed / 10, 0)).is_some(), "{elapsed}");
        }
        assert_eq!(clock.check(secs(1_800), time(180, 0)), None);
    }

    #[test]
    fn the_kernel_tells_what_this_process_used() {
        assert!(ProcessorTime::of(std::process::id()).used > Duration::ZERO);
        assert_eq!(ProcessorTime::of(u32::MAX), ProcessorTime::default());
    }
}
