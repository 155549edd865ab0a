//! The random numbers of a run, from one seed. Not from `rand`: a printed seed must give the same run after an update.

use std::{
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A stream of numbers; clones share it.
#[derive(Clone)]
pub struct Rng(Arc<AtomicU64>);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// An independent stream.
    pub fn fork(&self) -> Self {
        Self::new(self.next())
    }

    pub fn next(&self) -> u64 {
        mix(self.0.fetch_add(STEP, Ordering::Relaxed))
    }

    pub fn between(&self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        low + self.next() % (high - low + 1)
    }

    pub fn size(&self, range: RangeInclusive<u64>) -> usize {
        usize::try_from(self.between(range)).expect("a small number")
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub fn millis(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.between(range))
    }

    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.size(0..=from.len() as u64 - 1)]
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Splitmix64's last step: close inputs give very different outputs.
pub fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
