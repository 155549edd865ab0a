//! `danube-wasm bench FILE.wasm --events FILE`: what a component costs.

use std::{path::Path, sync::Arc, time::Duration};

use danube_wasm_cases::{
    Component, Input, bench, profile,
    read::{CaseConfig, component_of},
};

use super::test::samples;
use crate::{args, exit::Failure};

/// Measures and prints.
pub(crate) fn bench(args: &args::Bench) -> Result<(), Failure> {
    let file = component_of(&args.place).map_err(Failure::configuration)?;
    let component = Component::read(&file).map_err(Failure::configuration)?;
    let above = args
        .events
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("config.toml"));
    let config = args
        .config
        .clone()
        .or_else(|| above.into_iter().find(|file| file.is_file()));
    let (config, inputs) = samples(&component, config, &args.events)?;
    if inputs.is_empty() {
        return Err(Failure::usage(format!(
            "{} has no inputs: write one a line",
            args.events.display()
        )));
    }
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let time = Duration::from_millis(args.time_ms);
    let measured = crate::runtime()?.block_on(bench::bench(&component, &sandbox, &config, &inputs, time));
    drop(Arc::try_unwrap(sandbox));
    let measured = measured.map_err(Failure::configuration)?;
    match args.json {
        true => println!("{}", serde_json::to_string(&measured).map_err(Failure::internal)?),
        false => print!("{}", measured.text()),
    }
    match &args.profile {
        Some(out) => write_profile(out, &component, &config, &inputs, time * PROFILE_TIMES),
        None => Ok(()),
    }
}

/// Samples for so many times what each size of batches is measured.
const PROFILE_TIMES: u32 = 4;
/// Functions that are printed.
const HOTTEST: usize = 5;

/// Calls it once more with a sampler, apart from what was measured, and writes where its time went.
fn write_profile(
    out: &Path,
    component: &Component,
    config: &CaseConfig,
    inputs: &[Input],
    time: Duration,
) -> Result<(), Failure> {
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::profiling_sandbox(scratch.path())?;
    let samples = crate::runtime()?.block_on(bench::profile(component, &sandbox, config, inputs, time));
    drop(Arc::try_unwrap(sandbox));
    let samples = samples.map_err(Failure::configuration)?;
    let document = profile::speedscope(&component.file, &samples).to_string();
    std::fs::write(out, document)
        .map_err(|error| Failure::usage(format!("{} cannot be written: {error}", out.display())))?;
    eprintln!(
        "{}: {} samples of 1 ms, for https://www.speedscope.app; most of the time was in",
        out.display(),
        samples.len()
    );
    for (function, share) in profile::hottest(&samples, HOTTEST) {
        eprintln!("  {:>3.0}%  {function}", share * 100.0);
    }
    Ok(())
}
