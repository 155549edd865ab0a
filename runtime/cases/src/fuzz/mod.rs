//! Mutates the samples of cases, and keeps what breaks the component as new cases.
//!
//! A component refuses what it does not like; it does not trap on it, run for ever, go over a limit or return columns that do
//! not fit together. Of each way of breaking the smallest sample that was found is kept, without an `expected.jsonl`: the new
//! case fails until somebody says what should come of it.

mod mutate;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use danube_wasm_model::{door::GuestError, hash};
use danube_wasm_sandbox::Sandbox;

use crate::{
    component::{Component, Guest, StartError},
    input::Input,
    read::Case,
};

/// Tries to make a sample smaller.
const SHRINKS: usize = 200;

/// What fuzzing found.
#[derive(Debug)]
pub struct FuzzReport {
    /// With this and the same cases the same samples are made.
    pub seed: u64,
    /// Calls that were made.
    pub calls: u64,
    /// The new cases.
    pub found: Vec<Found>,
}

/// A sample that breaks the component.
#[derive(Debug)]
pub struct Found {
    /// The new case's folder.
    pub directory: PathBuf,
    /// How it breaks.
    pub error: String,
    /// The case that it was made from.
    pub from: String,
}

/// One way of breaking, and the smallest sample of it.
struct Break<'a> {
    case: &'a Case,
    input: Input,
    error: GuestError,
}

/// Runs for so long. `Err` if the host would not run the component, or a case cannot be kept.
pub async fn fuzz(
    component: &Component,
    sandbox: &Arc<Sandbox>,
    cases: &[Case],
    time: Duration,
    seed: u64,
    folder: &Path,
) -> Result<FuzzReport, String> {
    let mut guests = Vec::new();
    for case in cases.iter().filter(|case| !case.inputs.is_empty()) {
        match component.start(sandbox, &case.config).await {
            Ok(guest) => guests.push((case, guest)),
            // The case is about its settings.
            Err(StartError::Output(_)) => {}
            Err(StartError::Refused(why)) => return Err(why),
        }
    }
    if guests.is_empty() {
        return Err("no case has an input that could be mutated".to_owned());
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut calls, mut breaks) = (0, BTreeMap::new());
    let end = Instant::now() + time;
    while Instant::now() < end {
        let (case, guest) = &guests[rng.usize(..guests.len())];
        let at = rng.usize(..case.inputs.len());
        let input = mutate::mutated(&case.inputs[at], &case.inputs, &mut rng);
        calls += 1;
        if let Some(error) = broken(guest, &input).await {
            let known = breaks.contains_key(&signature(&error));
            if !known {
                let input = shrunk(guest, input, &signature(&error), &mut rng).await;
                breaks.insert(signature(&error), Break { case, input, error });
            }
        }
    }
    let is_source = component.info.role == danube_wasm_sandbox::Role::Source;
    let found = breaks
        .values()
        .map(|of| keep(of, folder, is_source))
        .collect::<Result<_, _>>()?;
    Ok(FuzzReport { seed, calls, found })
}

/// How the component breaks on it, if it does.
async fn broken(guest: &Guest, input: &Input) -> Option<GuestError> {
    guest.call(&[(0, input)]).await.err().filter(GuestError::is_crash)
}

/// What two samples have in common that break it in the same way.
fn signature(error: &GuestError) -> String {
    let place = error.backtrace().iter().take(3).cloned().collect::<Vec<_>>().join(" ");
    // Numbers and texts in messages are those of the sample.
    let message: String = match error {
        GuestError::Trap { message, .. } => message.chars().filter(|c| !c.is_ascii_digit()).take(60).collect(),
        _ => String::new(),
    };
    format!(
        "{} {place} {}",
        error.kind(),
        if place.is_empty() { message } else { String::new() }
    )
}

/// A smaller sample that breaks it in the same way.
async fn shrunk(guest: &Guest, mut input: Input, signature_of: &str, rng: &mut fastrand::Rng) -> Input {
    for _ in 0..SHRINKS {
        let smaller = mutate::smaller(&input, rng);
        if smaller.payload.len() >= input.payload.len() {
            continue;
        }
        if broken(guest, &smaller)
            .await
            .is_some_and(|error| signature(&error) == signature_of)
        {
            input = smaller;
        }
    }
    input
}

/// Writes the new case.
fn keep(of: &Break<'_>, folder: &Path, is_source: bool) -> Result<Found, String> {
    let line = of.input.to_line(is_source);
    let name = format!("fuzz-{:08x}", hash::fnv1a(line.bytes()) >> 32);
    let directory = folder.join(name);
    let own_config = of.case.directory.join("config.toml");
    let written = std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(directory.join("events.jsonl"), line + "\n"))
        .and_then(|()| match own_config.is_file() {
            true => std::fs::copy(&own_config, directory.join("config.toml")).map(drop),
            false => Ok(()),
        });
    written.map_err(|error| format!("{}: cannot be written: {error}", directory.display()))?;
    Ok(Found {
        directory,
        error: of.error.to_string(),
        from: of.case.name.clone(),
    })
}
