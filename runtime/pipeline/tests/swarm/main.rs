//! The simulated swarm: the shipped crate between a broker, a target, components and senders that are drawn from a seed,
//! together with everything that goes wrong among them. In virtual time, on one thread; the same seed gives the same run.
//!
//! * `SWARM_SEEDS=n` runs so many seeds instead of [`SEEDS`].
//! * `SWARM_SEED=n` runs that one and prints its journal.

mod broker;
mod event_mix;
mod faults;
mod guests;
mod journal;
mod listener;
mod operator;
mod oracle;
mod panics;
mod rng;
mod run;
mod scenario;
mod senders;
mod target;
mod test_event;
mod wall_clock;
mod world;

use danube_wasm_pipeline::mutants::{Mutant, activate};
use danube_wasm_trials::Row;
use run::run;

/// Number of seeds in a normal test run; takes some seconds.
const SEEDS: u64 = 500;
/// Number of seeds within which each mutant must be caught.
const MUTANT_SEEDS_MAX: u64 = 500;
/// Number of journal lines that are printed for a failure.
const TAIL: usize = 60;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is not a number")),
    )
}

#[test]
fn every_promise_is_kept_whatever_goes_wrong() {
    if let Some(seed) = number("SWARM_SEED") {
        let report = run(seed);
        println!("{}{}", report.journal, report.summary);
        return assert!(report.violations.is_empty(), "{:#?}", report.violations);
    }
    let seeds = number("SWARM_SEEDS").unwrap_or(SEEDS);
    let mut row = Row::new("simulated swarm");
    row.trials = seeds;
    let failed: Vec<_> = (0..seeds).filter(|seed| !passes(*seed)).collect();
    let repeat = |seed: &u64| (format!("SWARM_SEED={seed}"), "see above".to_owned());
    row.failures = failed.iter().map(repeat).collect();
    danube_wasm_trials::report(&[row], 0);
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

fn passes(seed: u64) -> bool {
    let report = run(seed);
    if !report.violations.is_empty() {
        let lines: Vec<_> = report.journal.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        println!("seed {seed}: {}\n{tail}", report.summary);
        println!(
            "{:#?}\nTo repeat: SWARM_SEED={seed} cargo test -p danube-wasm-pipeline --test swarm every_promise",
            report.violations
        );
    }
    report.violations.is_empty()
}

/// Texts that must each be in the journal of some seed: they show that the runs cover these cases.
const EXPECTED_TEXTS: [&str; 28] = [
    "source: crashes",
    "sink: crashes",
    "source: failed",
    "sink: failed",
    "cannot start",
    "stops within 0ns",
    "stops within 20ms",
    "sink: stopped calmly",
    "/swarm/dlq-swarm--source",
    "/swarm/dlq-swarm--sink",
    "a publish of 1 was never sent",
    "the answer is lost",
    "the session is lost",
    "broker: nack",
    "target: the answer to",
    "credentials are wrong",
    "come back later",
    "trap",
    "limit",
    "retryable",
    "invalid_data",
    "Malformed: Failed",
    "queue of swarm/source is full",
    "keeps crashing",
    "wall: Still",
    "wall: Jumps",
    "target: state of ",
    "is older than what is there",
];

#[test]
fn the_runs_are_about_everything_they_should_be_about() {
    let mut missing = EXPECTED_TEXTS.to_vec();
    for seed in 0..SEEDS {
        let journal = run(seed).journal;
        missing.retain(|text| !journal.contains(text));
        if missing.is_empty() {
            return;
        }
    }
    panic!("not seen in {SEEDS} runs: {missing:?}");
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    for seed in 0..50 {
        let (first, second) = (run(seed).journal, run(seed).journal);
        let differs = first.lines().zip(second.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

#[test]
fn every_mutant_is_caught() {
    let caught = Mutant::ALL.map(|mutant| {
        activate(Some(mutant));
        let seed = (0..MUTANT_SEEDS_MAX).find(|seed| !run(*seed).violations.is_empty());
        activate(None);
        (mutant, seed)
    });
    println!("mutants and the seeds that caught them: {caught:?}");
    let alive: Vec<_> = caught.iter().filter(|(_, seed)| seed.is_none()).collect();
    assert!(
        alive.is_empty(),
        "not caught within {MUTANT_SEEDS_MAX} seeds: {alive:?}"
    );
}
