//! The healthy connectors beside which every behaviour runs.
//!
//! Two, so that both worlds and both kinds of caller are covered: a source that is called from the sandbox's own
//! threads, and a sink that is called from another runtime. Calls are offered at a steady rate, whether or not earlier
//! ones are answered, and each is timed from the moment at which it was due, so that a starved pacer is noticed as
//! well.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use danube_wasm_sandbox::Role;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

use super::{
    healthy::Healthy,
    latency::{Baseline, Call, LatencyStats},
    process::eventually,
};
use crate::support::Bench;

/// Lanes of each: calls that can be under way at once.
const LANES: usize = 4;
/// How long the highest rate is measured.
const MAX_RATE_TIME: Duration = Duration::from_millis(400);
/// The part of the highest rate that is offered.
const OFFERED: f64 = 0.4;
/// How often due calls are made.
const OFFER_INTERVAL: Duration = Duration::from_millis(2);

/// The two connectors, with calls being made.
pub struct Neighbours {
    both: Vec<Arc<Neighbour>>,
    pacers: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    rates: Vec<f64>,
    /// The runtime that calls the sink: neither the sandbox's threads nor the one on which behaviours are tried.
    other_runtime: Runtime,
}

struct Neighbour {
    guest: Healthy,
    world: &'static str,
    offered: AtomicU64,
    answered: AtomicU64,
    /// Answered, and not counted yet.
    calls: Mutex<Vec<Call>>,
}

impl Neighbours {
    /// Loads both, measures their highest rate, and starts to offer a part of it.
    pub async fn start(bench: &Bench) -> Self {
        let other_runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let other_runtime = other_runtime.expect("a runtime");
        let both = vec![
            Arc::new(Neighbour::new(bench, Role::Source).await),
            Arc::new(Neighbour::new(bench, Role::Sink).await),
        ];
        let stop = Arc::new(AtomicBool::new(false));
        let max_rate = both
            .iter()
            .map(|one| one.spawn_with_caller(bench, &other_runtime, Arc::clone(one).max_rate()));
        let max_rate: Vec<_> = max_rate.collect();
        let mut rates = Vec::new();
        for calls in max_rate {
            rates.push(calls.await.expect("no panic") as f64 / MAX_RATE_TIME.as_secs_f64() * OFFERED);
        }
        let paced = both.iter().zip(&rates);
        let pacers = paced.map(|(one, rate)| {
            one.spawn_with_caller(bench, &other_runtime, Arc::clone(one).pace(*rate, Arc::clone(&stop)))
        });
        Self {
            pacers: pacers.collect(),
            both,
            stop,
            rates,
            other_runtime,
        }
    }

    /// The latencies of so many calls of each. Call it while nothing hostile runs.
    pub async fn baseline(&self, calls: u64) -> Vec<Baseline> {
        let (begun, enough) = (Instant::now(), self.offered() + calls);
        eventually(|| self.offered(), |offered| *offered >= enough)
            .await
            .expect("calls are offered");
        let tallies = self.tally(begun).await;
        let rates = tallies.iter().zip(&self.rates);
        rates.map(|(tally, rate)| tally.baseline(*rate)).collect()
    }

    /// Calls offered so far to the connector that was offered fewer.
    pub fn offered(&self) -> u64 {
        self.both.iter().map(|one| one.offered.load(SeqCst)).min().unwrap_or(0)
    }

    /// For each, the calls that were due since `begun`. Waits for the last answers.
    pub async fn tally(&self, begun: Instant) -> Vec<LatencyStats> {
        let end = Instant::now();
        let mut tallies = Vec::new();
        for one in &self.both {
            tallies.push(one.tally(begun, end).await);
        }
        tallies
    }

    /// Stops offering calls and waits for those that are running.
    pub async fn stop(self) {
        self.stop.store(true, SeqCst);
        for pacer in self.pacers {
            pacer.await.expect("no panic");
        }
        self.other_runtime.shutdown_background();
    }
}

impl Neighbour {
    async fn new(bench: &Bench, role: Role) -> Self {
        Self {
            guest: Healthy::load(bench, role, LANES).await,
            world: role.as_str(),
            offered: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            calls: Mutex::default(),
        }
    }

    /// Runs a future in the runtime that calls this connector.
    fn spawn_with_caller<T: Send + 'static>(
        &self,
        bench: &Bench,
        other_runtime: &Runtime,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match self.guest {
            Healthy::Source(..) => bench.sandbox.spawn(future),
            Healthy::Sink(..) => other_runtime.spawn(future),
        }
    }

    /// Calls on every lane, one call after the other, for a while; returns how many were answered.
    async fn max_rate(self: Arc<Self>) -> u64 {
        let start = Instant::now();
        let lane = |lane| {
            let this = Arc::clone(&self);
            tokio::spawn(async move {
                let mut calls = 0;
                while start.elapsed() < MAX_RATE_TIME {
                    this.guest.call(lane).await.expect("a healthy connector");
                    calls += 1;
                }
                calls
            })
        };
        let lanes: Vec<JoinHandle<u64>> = (0..LANES).map(lane).collect();
        let mut calls = 0;
        for lane in lanes {
            calls += lane.await.expect("no panic");
        }
        calls
    }

    /// Offers `per_s` calls a second until stopped, then waits for the last of them.
    async fn pace(self: Arc<Self>, per_s: f64, stop: Arc<AtomicBool>) {
        let mut interval = tokio::time::interval(OFFER_INTERVAL);
        let start = interval.tick().await;
        let mut offered = 0;
        while !stop.load(SeqCst) {
            // The time that the call was due: missed intervals are caught up.
            let at = interval.tick().await;
            let due = ((at - start).as_secs_f64() * per_s) as usize;
            for i in offered..due {
                let this = Arc::clone(&self);
                self.offered.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    let answer = this.guest.call(i % LANES).await;
                    this.record_answer(Call {
                        due: at.into_std(),
                        took: at.elapsed(),
                        wrong: answer.err(),
                    });
                });
            }
            offered = offered.max(due);
        }
        self.all_answered(self.offered.load(SeqCst))
            .await
            .expect("the last answers");
    }

    fn record_answer(&self, call: Call) {
        self.calls.lock().expect("no panic").push(call);
        self.answered.fetch_add(1, SeqCst);
    }

    /// Waits until as many calls are answered.
    async fn all_answered(&self, offered: u64) -> Result<(), String> {
        eventually(|| self.answered.load(SeqCst), |answered| *answered >= offered).await
    }

    async fn tally(&self, begun: Instant, end: Instant) -> LatencyStats {
        let offered = self.offered.load(SeqCst);
        let waited = self.all_answered(offered).await;
        let mut calls = self.calls.lock().expect("no panic");
        let (counted, later) = std::mem::take(&mut *calls)
            .into_iter()
            .partition(|call: &Call| call.due < end);
        *calls = later;
        let mut tally = LatencyStats::of(self.world, counted, begun, end);
        let unanswered = waited.map_err(|said| format!("of {offered} calls answered: {said}"));
        tally.complaints.extend(unanswered.err());
        tally
    }
}
