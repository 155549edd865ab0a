//! The healthy connectors beside which every behaviour runs, and how they fare.
//!
//! Two, so that both worlds and both places to call from are covered: a source that is called from the sandbox's own
//! threads, and a sink that is called from another runtime. Calls are offered at a steady rate, whether or not the
//! earlier ones are done, and each is timed from the moment at which it was due: a pacer that is starved, too, is seen.

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
    fare::{Alone, Call, Tally},
    healthy::Healthy,
    process::eventually,
};
use crate::support::Bench;

/// Lanes of each: calls that can be under way at once.
const LANES: usize = 4;
/// How long the calls that they can do alone at most are counted.
const MOST: Duration = Duration::from_millis(400);
/// The part of that which is offered to them.
const OFFERED: f64 = 0.4;
/// How often calls are offered.
const BEAT: Duration = Duration::from_millis(2);

/// The two connectors, with calls going on.
pub struct Neighbours {
    both: Vec<Arc<Neighbour>>,
    pacers: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    rates: Vec<f64>,
    /// Where the sink is called from: neither the sandbox's threads nor the one on which behaviours are tried.
    elsewhere: Runtime,
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
    /// Loads both, sees what they can do at most, and begins to offer them a part of it.
    pub async fn start(bench: &Bench) -> Self {
        let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let elsewhere = elsewhere.expect("a runtime");
        let both = vec![
            Arc::new(Neighbour::new(bench, Role::Source).await),
            Arc::new(Neighbour::new(bench, Role::Sink).await),
        ];
        let stop = Arc::new(AtomicBool::new(false));
        let most = both
            .iter()
            .map(|one| one.at_home(bench, &elsewhere, Arc::clone(one).most()));
        let most: Vec<_> = most.collect();
        let mut rates = Vec::new();
        for calls in most {
            rates.push(calls.await.expect("no panic") as f64 / MOST.as_secs_f64() * OFFERED);
        }
        let paced = both.iter().zip(&rates);
        let pacers =
            paced.map(|(one, rate)| one.at_home(bench, &elsewhere, Arc::clone(one).pace(*rate, Arc::clone(&stop))));
        Self {
            pacers: pacers.collect(),
            both,
            stop,
            rates,
            elsewhere,
        }
    }

    /// How so many calls of each fare. Ask it while nothing hostile runs.
    pub async fn alone(&self, calls: u64) -> Vec<Alone> {
        let (begun, enough) = (Instant::now(), self.offered() + calls);
        eventually(|| self.offered(), |offered| *offered >= enough)
            .await
            .expect("calls are offered");
        let tallies = self.tally(begun).await;
        let rates = tallies.iter().zip(&self.rates);
        rates.map(|(tally, rate)| tally.alone(*rate)).collect()
    }

    /// Calls offered so far, of the one that was offered fewer.
    pub fn offered(&self) -> u64 {
        self.both.iter().map(|one| one.offered.load(SeqCst)).min().unwrap_or(0)
    }

    /// For each, what became of the calls that were due from that moment until now. Waits for the last of their answers,
    /// which then are late.
    pub async fn tally(&self, begun: Instant) -> Vec<Tally> {
        let end = Instant::now();
        let mut tallies = Vec::new();
        for one in &self.both {
            tallies.push(one.tally(begun, end).await);
        }
        tallies
    }

    /// Stops offering, waits for what is under way, and frees both.
    pub async fn stop(self) {
        self.stop.store(true, SeqCst);
        for pacer in self.pacers {
            pacer.await.expect("no panic");
        }
        self.elsewhere.shutdown_background();
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

    /// Runs a future where this one is called from.
    fn at_home<T: Send + 'static>(
        &self,
        bench: &Bench,
        elsewhere: &Runtime,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match self.guest {
            Healthy::Source(..) => bench.sandbox.spawn(future),
            Healthy::Sink(..) => elsewhere.spawn(future),
        }
    }

    /// Calls on every lane, one after the other, for a while; how many were answered.
    async fn most(self: Arc<Self>) -> u64 {
        let start = Instant::now();
        let lane = |lane| {
            let this = Arc::clone(&self);
            tokio::spawn(async move {
                let mut calls = 0;
                while start.elapsed() < MOST {
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
        let mut beat = tokio::time::interval(BEAT);
        let start = beat.tick().await;
        let mut offered = 0;
        while !stop.load(SeqCst) {
            // When it should have been: beats that were missed are made up for.
            let at = beat.tick().await;
            let due = ((at - start).as_secs_f64() * per_s) as usize;
            for i in offered..due {
                let this = Arc::clone(&self);
                self.offered.fetch_add(1, SeqCst);
                tokio::spawn(async move {
                    let answer = this.guest.call(i % LANES).await;
                    this.note(Call {
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

    fn note(&self, call: Call) {
        self.calls.lock().expect("no panic").push(call);
        self.answered.fetch_add(1, SeqCst);
    }

    /// Waits until as many calls are answered.
    async fn all_answered(&self, offered: u64) -> Result<(), String> {
        eventually(|| self.answered.load(SeqCst), |answered| *answered >= offered).await
    }

    async fn tally(&self, begun: Instant, end: Instant) -> Tally {
        let offered = self.offered.load(SeqCst);
        let waited = self.all_answered(offered).await;
        let mut calls = self.calls.lock().expect("no panic");
        let (counted, later) = std::mem::take(&mut *calls)
            .into_iter()
            .partition(|call: &Call| call.due < end);
        *calls = later;
        let mut tally = Tally::of(self.world, counted, begun, end);
        let unanswered = waited.map_err(|said| format!("of {offered} calls answered: {said}"));
        tally.complaints.extend(unanswered.err());
        tally
    }
}
