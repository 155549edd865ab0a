//! Chance from a seed: the same seed draws the same faults.

use danube_wasm_model::hash::fnv1a;
use rand::{Rng, SeedableRng, rngs::StdRng};

pub struct Dice {
    seed: u64,
    rng: StdRng,
}

impl Dice {
    /// Of one trial.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// The seed of a class's n-th trial: FNV-1a over all three, so that a class alone draws what it draws among others.
    pub fn seed_of(run: u64, class: &str, trial: u32) -> u64 {
        let bytes = run
            .to_le_bytes()
            .into_iter()
            .chain(class.bytes())
            .chain(trial.to_le_bytes());
        fnv1a(bytes)
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// From the range, its end excluded.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.rng.random_range(low..high)
    }

    /// A moment within so many milliseconds.
    pub fn within_ms(&mut self, ms: u64) -> std::time::Duration {
        std::time::Duration::from_micros(self.between(0, ms * 1000))
    }
}
