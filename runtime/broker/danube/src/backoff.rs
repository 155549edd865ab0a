//! Exponential waits with full jitter below the half.

use std::time::Duration;

use rand::Rng;

/// Waits that double from a floor to a ceiling, each between half and the whole of it: brokers come back to clients
/// that do not all call at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    floor: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) fn new(floor: Duration) -> Self {
        Self { floor, tries: 0 }
    }

    /// How long to wait before the next try, `ceiling` at most.
    pub(crate) fn next(&mut self, ceiling: Duration) -> Duration {
        let doubled = self.floor.saturating_mul(1 << self.tries.min(20)).min(ceiling);
        self.tries = self.tries.saturating_add(1);
        doubled.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    /// How often it was asked since it was reset.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling_and_start_over() {
        let ceiling = Duration::from_secs(2);
        let mut backoff = Backoff::new(Duration::from_millis(100));
        for whole_ms in [100, 200, 400, 800, 1600, 2000, 2000] {
            let wait = backoff.next(ceiling);
            let whole = Duration::from_millis(whole_ms);
            assert!(wait <= whole && wait >= whole / 2, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next(ceiling) <= Duration::from_millis(100));
    }
}
