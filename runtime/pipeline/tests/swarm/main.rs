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
mod pull;
mod put_off;
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
use run::{Report, run};

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
    all_pass("simulated swarm", "every_promise_is_kept", run);
}

#[test]
fn what_is_pulled_is_confirmed_in_order_when_it_is_durable_whatever_goes_wrong() {
    all_pass("simulated swarm, pull", "what_is_pulled", pull::run);
}

fn all_pass(name: &str, test: &str, run: fn(u64) -> Report) {
    if let Some(seed) = number("SWARM_SEED") {
        let report = run(seed);
        println!("{}{}", report.journal, report.summary);
        return assert!(report.violations.is_empty(), "{:#?}", report.violations);
    }
    let seeds = number("SWARM_SEEDS").unwrap_or(SEEDS);
    let mut row = Row::new(name);
    row.trials = seeds;
    let failed: Vec<_> = (0..seeds).filter(|seed| !passes(*seed, test, run)).collect();
    let repeat = |seed: &u64| (format!("SWARM_SEED={seed}"), "see above".to_owned());
    row.failures = failed.iter().map(repeat).collect();
    danube_wasm_trials::report(&[row], 0);
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

fn passes(seed: u64, test: &str, run: fn(u64) -> Report) -> bool {
    let report = run(seed);
    if !report.violations.is_empty() {
        let lines: Vec<_> = report.journal.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        println!("seed {seed}: {}\n{tail}", report.summary);
        println!(
            "{:#?}\nTo repeat: SWARM_SEED={seed} cargo test -p danube-wasm-pipeline --test swarm {test}",
            report.violations
        );
    }
    report.violations.is_empty()
}

/// Texts that must each be in the journal of some seed: they show that the runs cover these cases.
const EXPECTED_TEXTS: [&str; 36] = [
    "KeepOthers: 0 answers",
    "RefuseAll: 2 answers",
    "another event of its request is refused",
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
    "state has no columns",
    "table has no columns",
    "writes are put off",
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
    "earlier_orders: Known",
    "earlier_orders: Unknown",
    "target: state of ",
    "is older than what is there",
];

/// The same of the runs of the pull driver.
const PULL_EXPECTED_TEXTS: [&str; 25] = [
    "source: crashes",
    "source: failed",
    "cannot start",
    "stops within 0ns",
    "stops within 20ms",
    "source: Stopped",
    "max_dead_letters allows",
    "on_invalid = \\\"stop\\\"",
    "/swarm/dlq-swarm--source",
    "a publish of 1 was never sent",
    "the answer is lost",
    "trap",
    "retryable",
    "invalid_data",
    "independent_keys: true",
    "are lost",
    "are revoked",
    "are let go",
    "upstream: reconnected",
    "comes late",
    "session 3 is over",
    "wall: Still",
    "wall: Jumps",
    "earlier_orders: Known",
    "earlier_orders: Unknown",
];

#[test]
fn the_runs_are_about_everything_they_should_be_about() {
    all_are_seen(&EXPECTED_TEXTS, run);
}

#[test]
fn the_runs_of_the_pull_driver_are_about_everything_they_should_be_about() {
    all_are_seen(&PULL_EXPECTED_TEXTS, pull::run);
}

fn all_are_seen(texts: &[&str], run: fn(u64) -> Report) {
    let mut missing = texts.to_vec();
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
    [run, pull::run].into_iter().for_each(repeats);
}

fn repeats(run: fn(u64) -> Report) {
    for seed in 0..50 {
        let (first, second) = (run(seed).journal, run(seed).journal);
        let differs = first.lines().zip(second.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

#[test]
fn every_mutant_is_caught() {
    all_are_caught(&Mutant::ALL, run);
}

#[test]
fn every_mutant_of_the_pull_driver_is_caught() {
    all_are_caught(&Mutant::PULL, pull::run);
}

fn all_are_caught(mutants: &[Mutant], run: fn(u64) -> Report) {
    let each = mutants.iter().map(|mutant| {
        let mutant = *mutant;
        activate(Some(mutant));
        let seed = (0..MUTANT_SEEDS_MAX).find(|seed| !run(*seed).violations.is_empty());
        activate(None);
        (mutant, seed)
    });
    let caught: Vec<_> = each.collect();
    println!("mutants and the seeds that caught them: {caught:?}");
    let alive: Vec<_> = caught.iter().filter(|(_, seed)| seed.is_none()).collect();
    assert!(
        alive.is_empty(),
        "not caught within {MUTANT_SEEDS_MAX} seeds: {alive:?}"
    );
}
