//! A token bucket for lines a second and bytes a second.

use std::time::{Duration, Instant};

/// Seconds' worth of tokens that a burst may use.
const BURST_S: u64 = 4;

/// Lines and bytes that are left.
#[derive(Debug)]
pub(super) struct Quota {
    lines: Bucket,
    bytes: Bucket,
}

impl Quota {
    pub(super) fn new(lines_per_s: u32, bytes_per_s: u32, now: Instant) -> Self {
        Self {
            lines: Bucket::new(lines_per_s, now),
            bytes: Bucket::new(bytes_per_s, now),
        }
    }

    /// Takes one line of `bytes` bytes, if both are left.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.lines.refill(now);
        self.bytes.refill(now);
        if self.lines.level < 1 || self.bytes.level < bytes {
            return false;
        }
        self.lines.level -= 1;
        self.bytes.level -= bytes;
        true
    }
}

#[derive(Debug)]
struct Bucket {
    per_s: u64,
    level: u64,
    /// Up to when time has been turned into tokens.
    filled: Instant,
}

impl Bucket {
    fn new(per_s: u32, now: Instant) -> Self {
        let per_s = u64::from(per_s);
        Self {
            per_s,
            level: per_s * BURST_S,
            filled: now,
        }
    }

    /// Turns whole tokens' worth of time into tokens; the rest of the time stays for the next refill.
    fn refill(&mut self, now: Instant) {
        if self.per_s == 0 {
            return;
        }
        let elapsed_ns = now.saturating_duration_since(self.filled).as_nanos();
        let tokens = elapsed_ns * u128::from(self.per_s) / 1_000_000_000;
        let used_ns = tokens * 1_000_000_000 / u128::from(self.per_s);
        self.filled += Duration::from_nanos(u64::try_from(used_ns).unwrap_or(u64::MAX));
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        self.level = self.level.saturating_add(tokens).min(self.per_s * BURST_S);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut quota = Quota::new(10, 1_000_000, start);
        assert_eq!((0..100).filter(|_| quota.take(1, start)).count(), 40);
        let later = start + Duration::from_millis(250);
        assert_eq!((0..100).filter(|_| quota.take(1, later)).count(), 2);
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..100).filter(|_| quota.take(1, later)).count(), 40);
    }

    #[test]
    fn bytes_run_out_before_lines_do() {
        let now = Instant::now();
        let mut quota = Quota::new(1_000, 100, now);
        assert!(quota.take(400, now), "four seconds' worth, at the limit");
        assert!(!quota.take(1, now));
        assert!(quota.take(0, now), "an empty line has no bytes");
    }
}
