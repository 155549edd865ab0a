//! Every hostile guest, beside healthy ones.
//!
//! Each file of `guests/hostile/` is one behaviour and declares what becomes of it. It is run in each world in which it
//! exists, again and again, in a sandbox in which two healthy connectors are called at a steady rate. It has done no
//! harm when it gets the error that it declares and no other, says and counts what it declares, and leaves nothing
//! behind; when every call of its neighbours is answered, and answered right; and when nothing in the host panicked.
//!
//! `HOSTILE_TRIALS` is the number of trials of each (default 5). `HOSTILE_ONLY` runs those whose names contain it.

mod support;

mod hostile {
    pub mod component;
    pub mod forms;
    pub mod healthy;
    pub mod manifest;
    pub mod neighbour;
    pub mod process;
    pub mod readme;
    pub mod table;
    pub mod trial;
}

use std::{
    env,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Instant,
};

use hostile::{
    component::component,
    manifest::{Behaviour, behaviours},
    neighbour::Neighbours,
    process::{Held, eventually},
    readme,
    table::{self, Row},
    trial::Case,
};
use support::{Bench, child};

/// Calls that each healthy connector is offered beside a behaviour, at least.
const NEIGHBOURS_CALLS_MIN: u64 = 10;
/// Threads that the sandbox may start beside its workers: its clock, and four that read and check components.
const OTHER_THREADS_MAX: usize = 5;

static PANICS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn hostile_guests_hurt_nobody() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, SeqCst);
        eprintln!("{panic}");
    }));
    let only = env::var("HOSTILE_ONLY").unwrap_or_default();
    let mut behaviours = behaviours();
    readme::check(&behaviours);
    behaviours.retain(|behaviour| behaviour.name.contains(&only));
    let cases: Vec<_> = behaviours.iter().flat_map(cases).collect();

    // The first child that a process starts makes descriptors that stay.
    let threads = Held::now().threads;
    let cache = tempfile::tempdir().expect("a directory");
    Neighbours::start(&bench(2, cache.path())).await.stop().await;
    eventually(Held::now, |now| now.threads <= threads)
        .await
        .expect("no thread stays");
    let before = Held::now();
    let (mut rows, mut left) = (Vec::new(), Vec::new());
    for workers in [2, 1] {
        rows.extend(pass(workers, cache.path(), &cases).await);
        let back = |now: &Held| now.threads <= before.threads && now.descriptors <= before.descriptors;
        if let Err(said) = eventually(Held::now, back).await {
            left.push(format!("{workers} workers: {before:?} before, {said}"));
        }
    }
    table::print(&rows);
    table::report(&rows);
    let failed = rows.iter().filter(|row| !row.complaints.is_empty());
    let failed: Vec<_> = failed
        .map(|row| (&row.name, row.world, row.workers, &row.complaints))
        .collect();
    assert!(failed.is_empty() && left.is_empty(), "{failed:#?} {left:#?}");
    assert_eq!(PANICS.load(SeqCst), 0, "panics in the host");
}

fn bench(workers: usize, cache: &Path) -> Bench {
    Bench::with(|options| {
        options.cache_dir = cache.to_owned();
        options.workers = workers;
        options.compiler = child();
        options.pool.instances_max = 24;
    })
}

fn cases(behaviour: &Behaviour) -> Vec<Case<'_>> {
    let case = |(role, verdict)| Case {
        behaviour,
        role,
        verdict,
        component: component(behaviour, role),
        given: behaviour.given.batch(role),
    };
    behaviour
        .verdicts
        .iter()
        .map(|(role, verdict)| case((*role, verdict)))
        .collect()
}

/// Runs all of them in one sandbox with so many workers.
async fn pass(workers: usize, cache: &Path, cases: &[Case<'_>]) -> Vec<Row> {
    let before = Held::now();
    let bench = bench(workers, cache);
    let neighbours = Neighbours::start(&bench).await;
    let held = Held {
        threads: before.threads + workers + OTHER_THREADS_MAX,
        descriptors: Held::now().descriptors,
    };
    let mut rows = Vec::new();
    for case in cases {
        rows.push(row(case, workers, &bench, &neighbours, held).await);
    }
    neighbours.stop().await;
    rows
}

/// Runs one of them until it was tried, and its neighbours were called, often enough.
async fn row(case: &Case<'_>, workers: usize, bench: &Bench, neighbours: &Neighbours, held: Held) -> Row {
    let trials_min = env::var("HOSTILE_TRIALS").map_or(5, |n| n.parse().expect("HOSTILE_TRIALS, a number"));
    let usage = || {
        let usage = bench.sandbox.usage();
        (usage.instances, usage.memories, usage.tables)
    };
    let (used, offered) = (usage(), neighbours.offered());
    let mut row = Row {
        name: case.behaviour.name.clone(),
        world: case.role.as_str(),
        workers,
        trials: 0,
        longest: Default::default(),
        verdict: case.verdict.clone(),
        neighbours: Default::default(),
        complaints: Vec::new(),
    };
    while row.trials < trials_min || neighbours.offered() < offered + NEIGHBOURS_CALLS_MIN {
        let start = Instant::now();
        row.complaints
            .extend(case.run(&bench.sandbox, row.trials.is_multiple_of(2)).await);
        row.longest = row.longest.max(start.elapsed());
        row.trials += 1;
        if let Err(said) = eventually(usage, |now| *now == used).await {
            row.complaints
                .push(format!("instances, memories, tables: {used:?} before, {said}"));
        }
        if !row.complaints.is_empty() {
            break;
        }
    }
    row.neighbours = neighbours.tally().await;
    let tally = &row.neighbours;
    row.complaints.extend(
        tally
            .complaints
            .iter()
            .take(3)
            .map(|said| format!("a neighbour: {said}")),
    );
    if tally.completed * 100 < tally.offered * 99 {
        row.complaints
            .push(format!("neighbours: {} of {} calls", tally.completed, tally.offered));
    }
    let back = |now: &Held| now.threads <= held.threads && now.descriptors == held.descriptors;
    if let Err(said) = eventually(Held::now, back).await {
        row.complaints.push(format!("held: {held:?} before, {said}"));
    }
    row
}
