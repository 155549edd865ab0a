//! The wall clock of a run: right, standing still, or set forth and back while everything goes on.

use std::{sync::Arc, time::Duration};

use danube_wasm_model::clock::OrderClock;
use tokio::time::Instant;

use super::dice::Dice;

/// When a run begins, in milliseconds since 1970-01-01 UTC.
const BEGIN_MS: u64 = 1_764_000_000_000;
/// How far a clock is set at most.
const HOUR_MS: u64 = 3_600_000;

/// See the module.
#[derive(Debug, Clone)]
pub enum Wall {
    Right,
    Still,
    /// From so long after the beginning on, this many milliseconds off, an hour taken away.
    Jumps(Vec<(Duration, u64)>),
}

impl Wall {
    pub fn draw(storm: Duration, dice: &Dice) -> Self {
        let jump = || {
            let at = dice.millis(0..=storm.as_millis() as u64);
            (at, dice.between(0..=2 * HOUR_MS))
        };
        match dice.between(0..=2) {
            0 => Self::Right,
            1 => Self::Still,
            _ => {
                let mut jumps: Vec<_> = (0..dice.between(1..=6)).map(|_| jump()).collect();
                jumps.sort_unstable();
                Self::Jumps(jumps)
            }
        }
    }

    fn ms(&self, elapsed: Duration) -> u64 {
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

    /// The clock of a process that begins where its log ends.
    pub fn clock(&self, begun: Instant, newest_ms: u64) -> Arc<OrderClock> {
        let wall = self.clone();
        let clock = OrderClock::new(move || wall.ms(begun.elapsed()));
        clock.observe_ms(newest_ms);
        clock
    }
}
