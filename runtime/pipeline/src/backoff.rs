//! Exponential backoff with jitter.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// Longest wait that a component can ask for: more is a mistake, and delays its
/// connector no longer than this.
pub(crate) const ASKED_WAIT_MAX: Duration = Duration::from_secs(600);

/// How long to wait between tries: doubles from `first` to `longest`, each wait drawn from its upper half so that many
/// waiters do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    first: Duration,
    longest: Duration,
    seed: Option<u64>,
}

/// Why a policy is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBackoff {
    /// The first wait is zero: a broken target would be called without pause.
    #[error("the first wait must not be zero")]
    Zero,
    /// The longest wait is below the first.
    #[error("the longest wait must not be shorter than the first")]
    Descending,
}

impl BackoffPolicy {
    /// Waits from `first` to `longest`.
    pub fn try_new(first: Duration, longest: Duration) -> Result<Self, InvalidBackoff> {
        if first.is_zero() {
            return Err(InvalidBackoff::Zero);
        }
        if longest < first {
            return Err(InvalidBackoff::Descending);
        }
        Ok(Self {
            first,
            longest,
            seed: None,
        })
    }

    /// The same, with no wait longer than this, but for the first.
    pub fn up_to(self, longest: Duration) -> Self {
        Self {
            longest: longest.min(self.longest).max(self.first),
            ..self
        }
    }

    /// The same, with its jitter drawn from a seed: every row of waits is the same. For simulations.
    pub fn seeded(self, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// A fresh row of waits.
    pub fn start(&self) -> Backoff {
        Backoff {
            policy: *self,
            tries: 0,
        }
    }
}

impl Default for BackoffPolicy {
    /// 100 ms to 30 s: a restart of a local target is noticed soon, a long outage costs two calls a minute.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(30),
            seed: None,
        }
    }
}

/// One row of waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: BackoffPolicy,
    tries: u32,
}

impl Backoff {
    /// The next wait; at least `floor` where the other side asked for that.
    pub fn next(&mut self, floor: Option<Duration>) -> Duration {
        let full = self
            .policy
            .first
            .saturating_mul(1 << self.tries.min(20))
            .min(self.policy.longest);
        self.tries = self.tries.saturating_add(1);
        let jittered = full.mul_f64(self.jitter());
        jittered.max(floor.unwrap_or_default())
    }

    fn jitter(&self) -> f64 {
        match self.policy.seed {
            None => rand::rng().random_range(0.5..=1.0),
            Some(seed) => SmallRng::seed_from_u64(seed.wrapping_add(self.tries.into())).random_range(0.5..=1.0),
        }
    }

    /// How many waits there were.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_upper_half_and_stay_below_the_longest() {
        let policy = BackoffPolicy::try_new(Duration::from_millis(100), Duration::from_secs(1)).expect("valid");
        let mut row = policy.start();
        for full in [100, 200, 400, 800, 1000, 1000] {
            let wait = row.next(None).as_millis();
            assert!((full / 2..=full).contains(&wait), "{wait} of {full}");
        }
        assert_eq!(row.next(Some(Duration::from_secs(9))), Duration::from_secs(9));
        assert_eq!(row.tries(), 7);
    }

    #[test]
    fn the_same_seed_gives_the_same_waits_and_another_seed_others() {
        let row = |seed| {
            let mut row = BackoffPolicy::default().seeded(seed).start();
            (0..9).map(|_| row.next(None)).collect::<Vec<_>>()
        };
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
    }

    #[test]
    fn a_policy_that_spins_is_refused() {
        assert_eq!(
            BackoffPolicy::try_new(Duration::ZERO, Duration::from_secs(1)),
            Err(InvalidBackoff::Zero)
        );
        let one = Duration::from_secs(1);
        assert_eq!(BackoffPolicy::try_new(one, one / 2), Err(InvalidBackoff::Descending));
    }
}
