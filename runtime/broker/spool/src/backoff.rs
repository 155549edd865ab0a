//! Waits between tries: doubling, with jitter, so that many connectors do not come back at once.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use crate::limits::{BACKOFF_MAX, BACKOFF_MIN};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = BACKOFF_MIN.saturating_mul(1 << self.tries.min(16)).min(BACKOFF_MAX);
        self.tries = self.tries.saturating_add(1);
        // Keyed anew each time, which is all the randomness that is needed.
        let part = RandomState::new().build_hasher().finish() % 512;
        whole / 2 + whole.mul_f64(part as f64 / 1024.0)
    }

    /// It worked.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..100).map(|_| backoff.next()).collect();
        assert!(waits[0] >= BACKOFF_MIN / 2 && waits[0] <= BACKOFF_MIN);
        assert!(waits.iter().all(|wait| *wait <= BACKOFF_MAX));
        assert!(waits[99] >= BACKOFF_MAX / 2);
        backoff.reset();
        assert!(backoff.next() <= BACKOFF_MIN);
    }
}
