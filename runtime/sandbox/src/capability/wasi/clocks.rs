//! Clocks, to the millisecond: enough for a timestamp, too coarse to time a neighbour's work with.

use std::time::{Duration, Instant};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use super::ambient::AmbientView;

/// The time as components see it.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01 UTC.
    fn wall_ms(&self) -> u64;

    /// Milliseconds since some moment, never going back.
    fn monotonic_ms(&self) -> u64;
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        danube_wasm_model::clock::now_ms()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

const RESOLUTION: Duration = Duration::from_millis(1);
const NS_PER_MS: u64 = 1_000_000;

pub(super) struct MillisecondClock(pub(super) AmbientView);

impl HostWallClock for MillisecondClock {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.wall_ms())
    }
}

impl HostMonotonicClock for MillisecondClock {
    fn resolution(&self) -> u64 {
        NS_PER_MS
    }

    fn now(&self) -> u64 {
        self.0.monotonic_ms().saturating_mul(NS_PER_MS)
    }
}
