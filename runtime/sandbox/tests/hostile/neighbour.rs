//! The healthy connectors beside which every behaviour runs, and how they fare.
//!
//! Two, so that both worlds and both places to call from are covered: a source that is called from the sandbox's own
//! threads, and a sink that is called from another runtime. Calls are offered at a steady rate, whether or not the
//! earlier ones are done.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use danube_wasm_sandbox::Role;
use tokio::task::JoinHandle;

use super::{healthy::Healthy, process::eventually};
use crate::support::Bench;

/// Lanes of each: calls that can be under way at once.
const LANES: usize = 4;
/// How long the calls that they can do alone are counted.
const ALONE: Duration = Duration::from_millis(400);
/// The part of that which is offered to them.
const OFFERED: f64 = 0.4;
/// How often calls are offered.
const BEAT: Duration = Duration::from_millis(2);

/// The two connectors, with calls going on.
pub struct Neighbours {
    both: Vec<Arc<Neighbour>>,
    pacers: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

/// What became of the calls that were offered.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub offered: u64,
    pub completed: u64,
    /// From offer to answer, in rising order.
    pub latencies: Vec<Duration>,
    /// Why the others did not complete.
    pub complaints: Vec<String>,
}

struct Neighbour {
    guest: Healthy,
    offered: AtomicU64,
    /// Of the offered calls, those that were there when somebody last asked.
    told: AtomicU64,
    answered: AtomicU64,
    notes: Mutex<Notes>,
}

/// What was noted of answered calls since somebody last asked.
#[derive(Default)]
struct Notes {
    latencies: Vec<Duration>,
    complaints: Vec<String>,
}

impl Neighbours {
    /// Loads both, sees what they can do alone, and begins to offer them a part of it.
    pub async fn start(bench: &Bench) -> Self {
        let both = vec![
            Arc::new(Neighbour::new(bench, Role::Source).await),
            Arc::new(Neighbour::new(bench, Role::Sink).await),
        ];
        let stop = Arc::new(AtomicBool::new(false));
        let alone = both.iter().map(|one| one.at_home(bench, Arc::clone(one).alone()));
        let alone: Vec<_> = alone.collect();
        let mut rates = Vec::new();
        for calls in alone {
            rates.push(calls.await.expect("no panic") as f64 / ALONE.as_secs_f64());
        }
        let paced = both.iter().zip(&rates);
        let pacers =
            paced.map(|(one, rate)| one.at_home(bench, Arc::clone(one).pace(rate * OFFERED, Arc::clone(&stop))));
        Self {
            pacers: pacers.collect(),
            both,
            stop,
        }
    }

    /// Calls offered so far, of the one that was offered fewer.
    pub fn offered(&self) -> u64 {
        self.both.iter().map(|one| one.offered.load(SeqCst)).min().unwrap_or(0)
    }

    /// What became of the calls offered since this was last asked: waits until the last of them is answered.
    pub async fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for one in &self.both {
            one.settle(&mut tally).await;
        }
        tally.latencies.sort_unstable();
        tally
    }

    /// Stops offering, waits for what is under way, and frees both.
    pub async fn stop(self) {
        self.stop.store(true, SeqCst);
        for pacer in self.pacers {
            pacer.await.expect("no panic");
        }
    }
}

impl Tally {
    /// The latency that this part of the calls did not exceed, in milliseconds.
    pub fn quantile_ms(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        self.latencies
            .get(at)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

impl Neighbour {
    async fn new(bench: &Bench, role: Role) -> Self {
        Self {
            guest: Healthy::load(bench, role, LANES).await,
            offered: AtomicU64::new(0),
            told: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            notes: Mutex::default(),
        }
    }

    /// Runs a future where this one is called from.
    fn at_home<T: Send + 'static>(
        &self,
        bench: &Bench,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match self.guest {
            Healthy::Source(..) => bench.sandbox.spawn(future),
            Healthy::Sink(..) => tokio::spawn(future),
        }
    }

    /// Calls on every lane, one after the other, for a while; how many were answered.
    async fn alone(self: Arc<Self>) -> u64 {
        let start = Instant::now();
        let lane = |lane| {
            let this = Arc::clone(&self);
            tokio::spawn(async move {
                let mut calls = 0;
                while start.elapsed() < ALONE {
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

    /// Offers so many calls a second, then waits for the last of them.
    async fn pace(self: Arc<Self>, per_s: f64, stop: Arc<AtomicBool>) {
        let start = Instant::now();
        let mut beat = tokio::time::interval(BEAT);
        let mut offered = 0;
        while !stop.load(SeqCst) {
            beat.tick().await;
            let due = (start.elapsed().as_secs_f64() * per_s) as usize;
            for i in offered..due {
                let (this, at) = (Arc::clone(&self), Instant::now());
                self.offered.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    let answer = this.guest.call(i % LANES).await;
                    this.note(answer, at.elapsed());
                });
            }
            offered = offered.max(due);
        }
        self.all_answered(self.offered.load(SeqCst))
            .await
            .expect("the last answers");
    }

    fn note(&self, answer: Result<(), String>, latency: Duration) {
        let mut notes = self.notes.lock().expect("no panic");
        notes.latencies.push(latency);
        notes.complaints.extend(answer.err());
        self.answered.fetch_add(1, SeqCst);
    }

    /// Waits until as many calls are answered.
    async fn all_answered(&self, offered: u64) -> Result<(), String> {
        eventually(|| self.answered.load(SeqCst), |answered| *answered >= offered).await
    }

    /// Adds what became of the calls that nobody asked for yet.
    async fn settle(&self, tally: &mut Tally) {
        let offered = self.offered.load(SeqCst);
        let before = self.told.swap(offered, SeqCst);
        if let Err(said) = self.all_answered(offered).await {
            tally.complaints.push(format!("of {offered} calls answered: {said}"));
        }
        let missing = offered.saturating_sub(self.answered.load(SeqCst));
        let notes = std::mem::take(&mut *self.notes.lock().expect("no panic"));
        tally.offered += offered - before;
        tally.completed += (offered - before).saturating_sub(missing + notes.complaints.len() as u64);
        tally.latencies.extend(notes.latencies);
        tally.complaints.extend(notes.complaints);
    }
}
