//! How many events and messages pass each connector in a second.

use std::{collections::HashMap, time::Instant};

use danube_wasm_telemetry::Metrics;
use parking_lot::Mutex;

/// Events and messages of a connector in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rate {
    /// Taken in.
    pub(crate) received: f64,
    /// Done.
    pub(crate) processed: f64,
    /// Seconds that its component worked.
    pub(crate) guest: f64,
}

/// Rates between the last two measurements.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Measured>>);

struct Measured {
    at: Instant,
    totals: [f64; 3],
    rate: Rate,
}

impl Rates {
    /// Measures these connectors, and forgets others.
    pub(crate) fn measure<'a>(&self, metrics: &Metrics, connectors: impl Iterator<Item = &'a String>) {
        let now = Instant::now();
        let mut measured = self.0.lock();
        let before = std::mem::take(&mut *measured);
        for connector in connectors {
            let numbers = metrics.numbers(connector);
            let totals = [numbers.received, numbers.processed, numbers.guest_seconds];
            let rate = before.get(connector).map_or_else(Rate::default, |before| {
                let seconds = now.duration_since(before.at).as_secs_f64().max(f64::EPSILON);
                let rate = |at: usize| ((totals[at] - before.totals[at]) / seconds).max(0.0);
                Rate {
                    received: rate(0),
                    processed: rate(1),
                    guest: rate(2),
                }
            });
            let at = now;
            measured.insert(connector.clone(), Measured { at, totals, rate });
        }
    }

    /// The rate of a connector.
    pub(crate) fn of(&self, connector: &str) -> Rate {
        self.0.lock().get(connector).map(|of| of.rate).unwrap_or_default()
    }
}
