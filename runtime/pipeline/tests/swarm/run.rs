//! One run: a storm, a quiet time in which everything must come to rest, a fresh event, a clean stop, the verdict.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    broker::Server, dice::Dice, front::Front, operator::Operator, panics, parcel::Parcel, senders::Sender,
    target::Target, world::World,
};

/// What became of a run.
pub struct Report {
    pub journal: String,
    pub violations: Vec<String>,
    pub summary: String,
}

/// Nothing is in hand when nothing has happened for so long: longer than any wait between tries.
const SILENCE: Duration = Duration::from_secs(10);
/// Longest time until everything has come to rest.
const REST: Duration = Duration::from_secs(3600);
/// Longest time from a fresh event to its row, when nothing else is to be done.
const FRESH: Duration = Duration::from_secs(10);

/// Runs the seed on this thread.
pub fn run(seed: u64) -> Report {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (report, panics) = panics::count(|| runtime.block_on(play(seed)));
    let Some(mut report) = report else {
        panic!("the harness itself panicked; seed {seed}");
    };
    report.violations.extend(panics);
    report
}

async fn play(seed: u64) -> Report {
    let dice = Dice::new(seed);
    let world = Arc::new(World::begin(&dice));
    let scenario = world.scenario.clone();
    let broker = Server::start(&world, dice.fork());
    let target = Target::new(&world, dice.fork());
    let front = Arc::new(Front::default());
    let end = CancellationToken::new();
    let operator = |end: &CancellationToken| Operator {
        world: world.clone(),
        broker: broker.clone(),
        front: front.clone(),
        target: target.clone(),
        dice: dice.fork(),
        end: end.clone(),
        disruptions: scenario.disruptions.clone(),
        begun: Instant::now(),
    };
    let source = tokio::spawn(operator(&end).keep_source());
    let sink = tokio::spawn(operator(&end).keep_sink());
    let mut senders = JoinSet::new();
    let sender = |key: Option<String>, gives_up_percent| Sender {
        world: world.clone(),
        front: front.clone(),
        dice: dice.fork(),
        key: key.map(Bytes::from),
        gives_up_percent,
    };
    for i in 0..scenario.senders as u64 {
        let key = (i + 1 < scenario.senders as u64).then(|| format!("key{i}"));
        let first = i * scenario.events_each;
        let numbers = first..first + scenario.events_each;
        senders.spawn(sender(key, dice.pick(&[0, 5, 20])).run(numbers));
    }

    sleep(scenario.storm).await;
    world.mend();
    let at_rest = async {
        while senders.join_next().await.is_some() {}
        // Copies of what is acknowledged may still be in hand.
        while broker.lag() > 0 || world.silence() < SILENCE {
            sleep(Duration::from_millis(250)).await;
        }
    };
    if timeout(REST, at_rest).await.is_err() {
        let text = format!(
            "not at rest after {REST:?}: {} messages are not acknowledged",
            broker.lag()
        );
        world.oracle.violation(text);
    } else {
        let fresh = Parcel::plain(u64::MAX);
        let arrives = async {
            sender(Some("fresh".into()), 0).send(fresh).await;
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

    end.cancel();
    for connector in [source, sink] {
        if timeout(REST, connector).await.is_err() {
            world.oracle.violation("a connector does not stop".to_owned());
        }
    }
    operator(&end).starts_again_with_nothing_to_do().await;
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
