//! Every hostile guest, beside healthy ones.
//!
//! Each file of `guests/hostile/` is one behaviour and declares what becomes of it. It is run in each world in which it
//! exists, again and again, in a sandbox in which two healthy connectors are called at a steady rate. It has done no
//! harm when it gets the error that it declares and no other, says and counts what it declares, and leaves nothing
//! behind; when every call of its neighbours is answered, and answered right; and when nothing in the host panicked.
//! With `CHAOS=minutes` or `hours` the neighbours are timed, too: each must keep the rate that it is offered, and a p99 of
//! at most twice its own plus two ticks. That is beside connectors as they are called first, apart; the first long call of
//! one that was quick for sixteen calls is felt, once in two hundred times as long. A row during which other programs had the processor does not count as timed.
//! Otherwise their times are printed only: no test depends on how busy a machine is.
//!
//! `HOSTILE_TRIALS` is the number of trials of each (default 5). `HOSTILE_ONLY` runs those whose names contain it.

mod support;

mod hostile {
    pub mod component;
    pub mod forms;
    pub mod healthy;
    pub mod latency;
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

use danube_wasm_sandbox::{GuestLimits, WORKERS_MIN};
use hostile::{
    component::component,
    latency,
    manifest::{Behaviour, behaviours},
    neighbour::Neighbours,
    process::{OtherLoad, ResourceUsage, eventually, recovers, resident_bytes},
    readme,
    table::{self, Row},
    trial::Case,
};
use support::{Bench, child};

/// Calls that each healthy connector is offered beside a behaviour, at least: enough to see that they go on; where they
/// are timed, enough that one of them is not a hundredth.
const NEIGHBOURS_CALLS_MIN: u64 = 10;
const TIMED_CALLS_MIN: u64 = 300;
/// Places for instances.
const INSTANCES_MAX: u32 = 24;
/// Threads beside the workers: four for who is called apart, the clock of the sandbox, four that read and check
/// components, and the one that the sink beside them is called from.
const OTHER_THREADS_MAX: usize = 10;

/// Resident memory that may be left of all behaviours, in bytes. Their own memory is not in it: the pool gives it back, but
/// for the kibibytes of each instance that it keeps for the next one. The host's allocator keeps on each thread what was
/// freed there, and the most that the host holds for a connector at once is what a call may return.
fn memory_left_max(workers: usize) -> usize {
    const POOL_KEEPS_BYTES: usize = 256 << 10;
    let threads = workers + OTHER_THREADS_MAX;
    threads * GuestLimits::default().output_bytes_max + INSTANCES_MAX as usize * POOL_KEEPS_BYTES
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

#[tokio::test]
async fn hostile_guests_hurt_nobody() {
    std::panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, SeqCst);
        eprintln!("{panic}");
    }));
    let only = env::var("HOSTILE_ONLY").unwrap_or_default();
    latency::canary();
    let mut behaviours = behaviours();
    readme::check(&behaviours);
    behaviours.retain(|behaviour| behaviour.name.contains(&only));
    let cases: Vec<_> = behaviours.iter().flat_map(cases).collect();

    // The first child that a process starts makes descriptors that stay.
    let threads = ResourceUsage::now().threads;
    let cache = tempfile::tempdir().expect("a directory");
    Neighbours::start(&bench(2, 16, cache.path())).await.stop().await;
    eventually(ResourceUsage::now, |now| now.threads <= threads)
        .await
        .expect("no thread stays");
    let before = ResourceUsage::now();
    let (mut rows, mut left) = (Vec::new(), Vec::new());
    // As a new connector, and as one that was quick so far, on the only thread that there is for those.
    for (workers, calls_to_know) in [(2, 16), (1, 0)] {
        let (tried, remains) = pass(workers, calls_to_know, cache.path(), &cases).await;
        rows.extend(tried);
        left.extend(remains);
        let fine = |now: &ResourceUsage| now.threads <= before.threads && now.descriptors <= before.descriptors;
        if let Err(said) = recovers(ResourceUsage::now, fine).await {
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
    let judged = rows.iter().filter(|row| row.workers >= WORKERS_MIN).count();
    let seen = rows.iter().filter(|row| row.timed).count();
    assert!(
        !timed() || seen * 2 >= judged,
        "the machine was busy with other programs: only {seen} of {judged} rows could be timed, which proves nothing"
    );
    assert_eq!(PANICS.load(SeqCst), 0, "panics in the host");
}

fn bench(workers: usize, calls_to_know: u32, cache: &Path) -> Bench {
    Bench::with(|options| {
        options.cache_dir = cache.to_owned();
        (options.workers, options.calls_to_know) = (workers, calls_to_know);
        options.compiler = child();
        options.pool.instances_max = INSTANCES_MAX;
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

/// How often neighbours are measured beside a behaviour that seems to hurt them.
const MEASURED_MAX: usize = 3;

/// Whether the neighbours' times are part of the verdict.
fn timed() -> bool {
    matches!(env::var("CHAOS").as_deref(), Ok("minutes" | "hours"))
}

fn calls_min() -> u64 {
    if timed() { TIMED_CALLS_MIN } else { NEIGHBOURS_CALLS_MIN }
}

/// Runs all of them in one sandbox with so many workers, on which connectors run after so many calls. Also what remains of
/// them.
async fn pass(workers: usize, calls_to_know: u32, cache: &Path, cases: &[Case<'_>]) -> (Vec<Row>, Option<String>) {
    let before = ResourceUsage::now();
    let bench = bench(workers, calls_to_know, cache);
    let neighbours = Neighbours::start(&bench).await;
    let mut baseline = neighbours.baseline(calls_min()).await;
    table::print_alone(workers, &baseline);
    let resident = resident_bytes();
    let held = ResourceUsage {
        threads: before.threads + workers + OTHER_THREADS_MAX,
        descriptors: ResourceUsage::now().descriptors,
    };
    let mut rows = Vec::new();
    for case in cases {
        // What hurts neighbours does so every time. The slowest of a few hundred calls are also slow by chance.
        let mut measured = 0;
        rows.push(loop {
            let others = OtherLoad::since_start();
            let mut row = row(case, workers, &bench, &neighbours, held).await;
            if !timed() {
                break row;
            }
            let before = std::mem::replace(&mut baseline, neighbours.baseline(calls_min()).await);
            let own = before
                .into_iter()
                .zip(&baseline)
                .map(|(before, after)| before.or(*after));
            let tallies = row.neighbours.iter().zip(own);
            let slowdown: Vec<_> = tallies.filter_map(|(tally, own)| tally.slowdown(&own)).collect();
            // Beside other programs' work times say nothing, and nobody runs it with fewer threads who has not asked for it.
            row.timed = others.was_low() && workers >= WORKERS_MIN;
            measured += 1;
            if slowdown.is_empty() || !row.timed {
                break row;
            }
            println!("{} ({}), {measured}: {}", row.name, row.world, slowdown.join("; "));
            if measured == MEASURED_MAX {
                row.complaints.extend(slowdown);
                break row;
            }
        });
    }
    let remains = recovers(resident_bytes, |now| *now <= resident + memory_left_max(workers)).await;
    neighbours.stop().await;
    println!(
        "{workers} workers: {} MiB resident before, {} after",
        resident >> 20,
        resident_bytes() >> 20
    );
    let said = remains.map_err(|said| format!("{workers} workers: {resident} bytes resident before, {said}"));
    (rows, said.err())
}

/// Runs one of them until it was tried, and its neighbours were called, often enough.
async fn row(case: &Case<'_>, workers: usize, bench: &Bench, neighbours: &Neighbours, held: ResourceUsage) -> Row {
    let trials_min = env::var("HOSTILE_TRIALS").map_or(5, |n| n.parse().expect("HOSTILE_TRIALS, a number"));
    let usage = || {
        let usage = bench.sandbox.usage();
        (usage.instances, usage.memories, usage.tables)
    };
    let (used, offered, begun) = (usage(), neighbours.offered(), Instant::now());
    let mut row = Row {
        name: case.behaviour.name.clone(),
        world: case.role.as_str(),
        workers,
        trials: 0,
        longest: Default::default(),
        verdict: case.verdict.clone(),
        neighbours: Default::default(),
        timed: false,
        complaints: Vec::new(),
    };
    while row.trials < trials_min || neighbours.offered() < offered + calls_min() {
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
    row.neighbours = neighbours.tally(begun).await;
    for tally in &row.neighbours {
        let wrong = tally.complaints.iter().take(3);
        row.complaints
            .extend(wrong.map(|said| format!("the {}: {said}", tally.world)));
    }
    let fine = |now: &ResourceUsage| now.threads <= held.threads && now.descriptors == held.descriptors;
    if let Err(said) = recovers(ResourceUsage::now, fine).await {
        row.complaints.push(format!("held: {held:?} before, {said}"));
    }
    row
}
