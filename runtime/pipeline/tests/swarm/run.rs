//! One run: a phase with faults, one without in which all work must complete, a fresh event, a clean stop, the checks.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    broker::Server, listener::Listener, operator::Operator, panics, rng::Rng, senders::Sender, target::Target,
    test_event::TestEvent, world::World,
};

/// The result of a run.
pub struct Report {
    pub journal: String,
    pub violations: Vec<String>,
    pub summary: String,
}

/// No work is left if the journal has had no entry for this long: longer than any wait between tries.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest time until all work is complete.
const REST: Duration = Duration::from_secs(3600);
/// Longest time from a fresh event to its row, when there is no other work.
const FRESH: Duration = Duration::from_secs(10);

/// Runs the seed on this thread.
pub fn run(seed: u64) -> Report {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (report, panics) = panics::count(|| runtime.block_on(simulate(seed)));
    let Some(mut report) = report else {
        panic!("the harness itself panicked; seed {seed}");
    };
    report.violations.extend(panics);
    report
}

/// The parts of a run. They hold nothing that a crash of a connector destroys.
struct Run {
    rng: Rng,
    world: Arc<World>,
    broker: Arc<Server>,
    target: Arc<Target>,
    listener: Arc<Listener>,
}

async fn simulate(seed: u64) -> Report {
    let rng = Rng::new(seed);
    let world = Arc::new(World::begin(&rng));
    let scenario = world.scenario.clone();
    let broker = Server::start(&world, rng.fork());
    let target = Target::new(&world, rng.fork());
    let run = Run {
        rng,
        world,
        broker,
        target,
        listener: Arc::default(),
    };
    let world = &run.world;
    let end = CancellationToken::new();
    let source = tokio::spawn(run.operator(&end).run_source());
    let sink = tokio::spawn(run.operator(&end).run_sink());
    let senders = run.start_senders();
    sleep(scenario.fault_phase).await;
    world.repair();
    run.complete(senders).await;

    end.cancel();
    for connector in [source, sink] {
        if timeout(REST, connector).await.is_err() {
            world.oracle.violation("a connector does not stop".to_owned());
        }
    }
    run.operator(&end).check_idle_restart().await;
    world.oracle.close();
    let violations = world.oracle.violations();
    for violation in &violations {
        world.note(format_args!("VIOLATION: {violation}"));
    }
    Report {
        summary: world.oracle.summary(),
        journal: world.take_journal(),
        violations,
    }
}

impl Run {
    fn operator(&self, end: &CancellationToken) -> Operator {
        Operator {
            world: self.world.clone(),
            broker: self.broker.clone(),
            listener: self.listener.clone(),
            target: self.target.clone(),
            rng: self.rng.fork(),
            end: end.clone(),
            disruptions: self.world.scenario.disruptions.clone(),
            begun: Instant::now(),
        }
    }

    fn sender(&self, key: Option<String>, gives_up_percent: u64) -> Sender {
        Sender {
            world: self.world.clone(),
            listener: self.listener.clone(),
            rng: self.rng.fork(),
            key: key.map(Bytes::from),
            gives_up_percent,
        }
    }

    fn start_senders(&self) -> JoinSet<()> {
        let scenario = &self.world.scenario;
        let mut senders = JoinSet::new();
        for i in 0..scenario.senders as u64 {
            let key = (i + 1 < scenario.senders as u64).then(|| format!("key{i}"));
            let first = i * scenario.events_each;
            let numbers = first..first + scenario.events_each;
            let gives_up_percent = self.rng.pick(&[0, 5, 20]);
            senders.spawn(self.sender(key, gives_up_percent).run(numbers));
        }
        senders
    }

    /// Waits until all work is complete, then checks that a fresh event arrives at once.
    async fn complete(&self, mut senders: JoinSet<()>) {
        let (world, broker) = (&self.world, &self.broker);
        let at_rest = async {
            while senders.join_next().await.is_some() {}
            // Copies of acknowledged messages may still be in work.
            while broker.lag() > 0 || world.silence() < SILENCE {
                sleep(Duration::from_millis(250)).await;
            }
        };
        if timeout(REST, at_rest).await.is_err() {
            let text = format!(
                "not at rest after {REST:?}: {} messages are not acknowledged",
                broker.lag()
            );
            return world.oracle.violation(text);
        }
        let fresh = TestEvent::plain(u64::MAX);
        let arrives = async {
            self.sender(Some("fresh".into()), 0).send(fresh).await;
            while !world.oracle.is_written(&fresh.payload()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(FRESH, arrives).await.is_err() {
            world
                .oracle
                .violation(format!("a fresh event did not arrive within {FRESH:?}"));
        }
    }
}
