//! Mutations of the corpus, for machines without cargo-fuzz. `FUZZ_RUNS` says how many of each target, `FUZZ_SEED` which.
//!
//! A run depends on its seed, its number and the corpus alone: what fails is there again with the same three.

mod support;

use std::{panic::catch_unwind, path::PathBuf};

use danube_wasm_fuzz::{
    Target,
    mutate::{Rng, mutate},
};
use support::{corpus, guarded, target};

const SEED: u64 = 2026;

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number"))
    })
}

fn search(name: &str, runs: u64) {
    let target = target(name);
    let corpus = corpus(&target);
    let (seed, runs) = (number("FUZZ_SEED", SEED), number("FUZZ_RUNS", runs));
    search_from(&target, &corpus, seed, runs);
    println!("{name}: {runs} runs of seed {seed} over {} files", corpus.len());
}

fn search_from(target: &Target, corpus: &[(PathBuf, Vec<u8>)], seed: u64, runs: u64) {
    for run in 0..runs {
        let mut rng = Rng::new(seed, run);
        let (path, input) = &corpus[rng.below(corpus.len())];
        let (_, other) = &corpus[rng.below(corpus.len())];
        let input = mutate(input, other, &mut rng);
        guarded(target, &input, || {
            format!("FUZZ_SEED={seed}, run {run}, made of {}", path.display())
        });
    }
}

/// The canary: a search that finds nothing here finds nothing anywhere.
#[test]
fn what_does_not_hold_is_found() {
    let canary = Target {
        name: "canary",
        run: |data| assert!(!data.starts_with(b"{\"n\":-"), "this is the bug"),
        seeds: Vec::new,
    };
    let corpus = [
        (PathBuf::from("a"), b"{\"n\":1}".to_vec()),
        (PathBuf::from("b"), b"-".to_vec()),
    ];
    let searched = catch_unwind(|| search_from(&canary, &corpus, SEED, 20_000));
    assert!(searched.is_err(), "the bug is there and was not found");
}

#[test]
fn config_holds_for_mutations() {
    search("config", 400);
}

#[test]
fn columns_holds_for_mutations() {
    search("columns", 20_000);
}

#[test]
fn envelope_holds_for_mutations() {
    search("envelope", 10_000);
}

#[test]
fn topic_holds_for_mutations() {
    search("topic", 20_000);
}

#[test]
fn ingress_holds_for_mutations() {
    search("ingress", 1_000);
}

#[test]
fn log_holds_for_mutations() {
    search("log", 200);
}
