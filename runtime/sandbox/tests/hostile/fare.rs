//! How the healthy connectors fare: alone, and beside a behaviour.

use std::time::{Duration, Instant};

use danube_wasm_sandbox::limits::TICK;

/// Of the calls that are offered, in per cent, so many are answered as soon as the slowest of a hundred may be.
const KEPT_PER_CENT: u64 = 99;

/// A call that was answered.
pub struct Call {
    /// When it was to be made.
    pub due: Instant,
    /// From then to its answer.
    pub took: Duration,
    /// Why its answer is none.
    pub wrong: Option<String>,
}

/// What became of the calls to one of them in some time.
#[derive(Debug, Clone)]
pub struct Tally {
    pub world: &'static str,
    /// From due to answered, in rising order.
    latencies: Vec<Duration>,
    /// For each call, its age at the end of that time, and whether it was answered by then.
    ages: Vec<(Duration, bool)>,
    /// What was wrong with answers, whenever their calls were due.
    pub complaints: Vec<String>,
}

/// One of them with nothing hostile beside it, for a while before or after a behaviour was tried.
#[derive(Debug, Clone, Copy)]
pub struct Alone {
    pub world: &'static str,
    /// What it is offered, alone and beside behaviours.
    pub calls_per_s: f64,
    pub p99: Duration,
}

impl Alone {
    /// What its p99 may be beside anything: twice its own, and two ticks of the clock that interrupts components.
    pub fn p99_max(&self) -> Duration {
        self.p99 * 2 + TICK * 2
    }

    /// Before and after: the slower of both, since the machine may have become busy with something else meanwhile.
    pub fn or(self, other: Self) -> Self {
        if other.p99 > self.p99 { other } else { self }
    }
}

impl Tally {
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

    pub fn alone(&self, calls_per_s: f64) -> Alone {
        Alone {
            world: self.world,
            calls_per_s,
            p99: self.quantile(0.99),
        }
    }

    /// How it was hurt, if it was: it must keep the rate that it is offered, and its p99. Calls that are younger than that
    /// p99 at the end are not due to be answered yet.
    pub fn hurt(&self, alone: &Alone) -> Option<String> {
        let p99_max = alone.p99_max();
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
                self.world, alone.p99
            )
        })
    }
}

/// What the judge must see, or it proves nothing.
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
        Tally::of("source", calls.collect(), begun, begun + ms(1_000))
    };
    let alone = tally(&|_| ms(1)).alone(1_000.0);
    assert_eq!(alone.p99_max(), ms(4));
    assert_eq!(tally(&|i| ms(1 + i % 4)).hurt(&alone), None, "as fast as it may be");
    // One in fifty waits; all of them fall behind more and more.
    for hurt in [
        tally(&|i| ms(if i % 50 == 0 { 5 } else { 1 })),
        tally(&|i| ms(1 + i / 20)),
    ] {
        assert!(
            hurt.hurt(&alone).is_some(),
            "the judge does not see {:?}",
            hurt.quantile(0.99)
        );
    }
}
