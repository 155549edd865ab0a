//! The latency of the healthy connectors: alone, and beside a behaviour.

use std::time::{Duration, Instant};

use danube_wasm_sandbox::limits::TICK;

/// Percentage of the offered calls that must be answered within the allowed p99.
const KEPT_PER_CENT: u64 = 99;

/// A call that was answered.
pub struct Call {
    /// When it was due.
    pub due: Instant,
    /// From due to answered.
    pub took: Duration,
    /// What is wrong with the answer, if anything.
    pub wrong: Option<String>,
}

/// The calls to one connector in a period.
#[derive(Debug, Clone)]
pub struct LatencyStats {
    pub world: &'static str,
    /// Latencies from due to answered, ascending.
    latencies: Vec<Duration>,
    /// For each call, its age at the end of the period, and whether it was answered by then.
    ages: Vec<(Duration, bool)>,
    /// Wrong answers, whenever their calls were due.
    pub complaints: Vec<String>,
}

/// A connector with nothing hostile beside it, before or after a behaviour was tried.
#[derive(Debug, Clone, Copy)]
pub struct Baseline {
    pub world: &'static str,
    /// Calls offered a second, alone and beside behaviours.
    pub calls_per_s: f64,
    pub p99: Duration,
}

impl Baseline {
    /// The allowed p99 beside a behaviour: twice its own plus two ticks.
    pub fn p99_max(&self) -> Duration {
        self.p99 * 2 + TICK * 2
    }

    /// The slower of two baselines, because the machine may have become busy in between.
    pub fn or(self, other: Self) -> Self {
        if other.p99 > self.p99 { other } else { self }
    }
}

impl LatencyStats {
    pub fn of(world: &'static str, calls: Vec<Call>, begun: Instant, end: Instant) -> Self {
        let mut tally = Self {
            world,
            latencies: Vec::new(),
            ages: Vec::new(),
            complaints: Vec::new(),
        };
        for call in calls {
            tally.complaints.extend(call.wrong);
            if call.due >= begun {
                tally.latencies.push(call.took);
                tally.ages.push((end - call.due, call.due + call.took <= end));
            }
        }
        tally.latencies.sort_unstable();
        tally
    }

    pub fn calls(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// The latency that this part of the calls did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }

    pub fn baseline(&self, calls_per_s: f64) -> Baseline {
        Baseline {
            world: self.world,
            calls_per_s,
            p99: self.quantile(0.99),
        }
    }

    /// How the connector was slowed down, if it was: it must keep the offered rate and its p99. Calls that are younger
    /// than that p99 at the end are not due yet.
    pub fn slowdown(&self, baseline: &Baseline) -> Option<String> {
        let p99_max = baseline.p99_max();
        let due: Vec<bool> = self
            .ages
            .iter()
            .filter(|(age, _)| *age >= p99_max)
            .map(|(_, done)| *done)
            .collect();
        let (due, done) = (due.len() as u64, due.iter().filter(|done| **done).count() as u64);
        let p99 = self.quantile(0.99);
        let kept = done * 100 >= due * KEPT_PER_CENT;
        (!kept || p99 > p99_max).then(|| {
            format!(
                "the {}: {done} of {due} calls in time, p99 {p99:.1?}; alone it is {:.1?}, so that it may be {p99_max:.1?}",
                self.world, baseline.p99
            )
        })
    }
}

/// Checks that the check itself sees a slow connector.
///
/// # Panics
/// It does not.
pub fn canary() {
    let begun = Instant::now();
    let ms = Duration::from_millis;
    let tally = |took: &dyn Fn(u64) -> Duration| {
        let calls = (0..1_000).map(|i| Call {
            due: begun + ms(i),
            took: took(i),
            wrong: None,
        });
        LatencyStats::of("source", calls.collect(), begun, begun + ms(1_000))
    };
    let baseline = tally(&|_| ms(1)).baseline(1_000.0);
    assert_eq!(baseline.p99_max(), ms(4));
    assert_eq!(
        tally(&|i| ms(1 + i % 4)).slowdown(&baseline),
        None,
        "as fast as it may be"
    );
    // One in fifty waits; all of them fall behind more and more.
    for slowdown in [
        tally(&|i| ms(if i % 50 == 0 { 5 } else { 1 })),
        tally(&|i| ms(1 + i / 20)),
    ] {
        assert!(
            slowdown.slowdown(&baseline).is_some(),
            "the measurement does not see {:?}",
            slowdown.quantile(0.99)
        );
    }
}
