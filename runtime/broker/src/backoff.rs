//! Exponential backoff with jitter.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// Waits between tries. They double from `min` up to a maximum, and each is a random part, between half and all, of the
/// doubled time, so that many clients do not call a broker at the same moment.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    tries: u32,
}

impl Backoff {
    /// The first wait is `min` at most.
    pub fn new(min: Duration) -> Self {
        Self { min, tries: 0 }
    }

    /// The wait before the next try, `max` at most.
    pub fn next(&mut self, max: Duration) -> Duration {
        let doubled = self.min.saturating_mul(1 << self.tries.min(20)).min(max);
        self.tries = self.tries.saturating_add(1);
        // A new hasher has new random keys, so that no random generator is needed.
        let random = RandomState::new().build_hasher().finish() % 1024;
        doubled / 2 + doubled.mul_f64(random as f64 / 2048.0)
    }

    /// The next wait is the first again: call it after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Number of waits since the last reset.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum_and_start_over() {
        let max = Duration::from_secs(2);
        let mut backoff = Backoff::new(Duration::from_millis(100));
        for doubled_ms in [100, 200, 400, 800, 1600, 2000, 2000] {
            let wait = backoff.next(max);
            let doubled = Duration::from_millis(doubled_ms);
            assert!(wait <= doubled && wait >= doubled / 2, "{wait:?} of {doubled:?}");
        }
        assert_eq!(backoff.tries(), 7);
        backoff.reset();
        assert!(backoff.next(max) <= Duration::from_millis(100));
    }

    #[test]
    fn a_thousand_tries_do_not_overflow() {
        let max = Duration::from_secs(5);
        let mut backoff = Backoff::new(Duration::from_millis(50));
        let longest = (0..1_000).map(|_| backoff.next(max)).max();
        assert!(longest <= Some(max) && longest >= Some(max / 2), "{longest:?}");
    }
}
