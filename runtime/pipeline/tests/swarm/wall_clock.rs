//! The wall clock of a run: correct, stopped, or set forward and back during the run.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::clock::OrderClock;
use tokio::time::Instant;

use super::rng::Rng;

/// When a run begins, in milliseconds since 1970-01-01 UTC.
const BEGIN_MS: u64 = 1_764_000_000_000;
/// Largest offset, in milliseconds.
const HOUR_MS: u64 = 3_600_000;

/// See the module.
#[derive(Debug, Clone)]
pub enum WallClock {
    Right,
    Still,
    /// Each: from this time after the beginning, the offset in milliseconds plus one hour.
    Jumps(Vec<(Duration, u64)>),
}

impl WallClock {
    pub fn draw(fault_phase: Duration, rng: &Rng) -> Self {
        let jump = || {
            let at = rng.millis(0..=fault_phase.as_millis() as u64);
            (at, rng.between(0..=2 * HOUR_MS))
        };
        match rng.between(0..=2) {
            0 => Self::Right,
            1 => Self::Still,
            _ => {
                let mut jumps: Vec<_> = (0..rng.between(1..=6)).map(|_| jump()).collect();
                jumps.sort_unstable();
                Self::Jumps(jumps)
            }
        }
    }

    /// What it says so long after the beginning, in milliseconds since 1970-01-01 UTC.
    pub fn ms(&self, elapsed: Duration) -> u64 {
        let right = BEGIN_MS + elapsed.as_millis() as u64;
        match self {
            Self::Right => right,
            Self::Still => BEGIN_MS,
            Self::Jumps(jumps) => {
                let off = jumps.iter().rev().find(|(at, _)| *at <= elapsed);
                right + off.map_or(HOUR_MS, |(_, off)| *off) - HOUR_MS
            }
        }
    }

    /// The clock of a process that knows of orders up to this millisecond.
    pub fn clock(&self, begun: Instant, known_ms: u64) -> Arc<OrderClock> {
        let wall_clock = self.clone();
        let clock = OrderClock::new(move || wall_clock.ms(begun.elapsed()));
        clock.observe_ms(known_ms);
        clock
    }
}
