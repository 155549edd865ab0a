//! The pull driver between an upstream that is drawn from a seed and the broker and components of the other runs.
//!
//! First a phase with faults: the upstream delivers, revokes, loses and disconnects, the source crashes and is stopped,
//! and all faults of the other runs occur. Then a phase without, in which all work must complete. The upstream checks
//! each confirmation when it is made: nothing is confirmed before it is durable, nothing in an epoch that the driver
//! knows to be over.

mod confirmer;
mod operator;
mod plan;
mod session;
mod stream;
mod upstream;

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Builder,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{operator::Operator, plan::Plan, upstream::Feed};
use super::{
    broker::Server,
    panics,
    rng::{Rng, mix},
    run::Report,
    world::World,
};

/// Longest time until everything has come to rest.
const REST: Duration = Duration::from_secs(3600);

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
    // Not what the same seed means to the other runs.
    let rng = Rng::new(mix(!seed));
    let plan = Arc::new(Plan::draw(&rng));
    let world = Arc::new(World::of(plan.scenario.clone(), &rng));
    world.note(format_args!("{plan:?}"));
    let broker = Server::start(&world, rng.fork());
    let feed = Feed::new(&world, &plan, rng.fork());
    let end = CancellationToken::new();
    let operator = Operator::new(&world, &plan, &broker, &feed, rng.fork(), &end);
    let source = tokio::spawn(operator.keep_source());

    sleep(plan.scenario.fault_phase).await;
    world.repair();
    let at_rest = async {
        while !feed.is_confirmed() {
            sleep(Duration::from_millis(250)).await;
        }
    };
    if timeout(REST, at_rest).await.is_err() {
        let text = format!("not at rest after {REST:?}: {}", feed.unconfirmed());
        world.oracle.violation(text);
    }
    end.cancel();
    if timeout(REST, source).await.is_err() {
        world.oracle.violation("the source does not stop".to_owned());
    }
    feed.close();
    let violations = world.oracle.violations();
    for violation in &violations {
        world.note(format_args!("VIOLATION: {violation}"));
    }
    Report {
        summary: world.oracle.pull_summary(),
        journal: world.take_journal(),
        violations,
    }
}
