//! `danube-wasm test DIR|FILE.wasm`: a component on the samples of its cases.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use danube_wasm_cases::{
    CaseResult, Component, Report, chaos, conformance, fuzz,
    read::{Case, CaseConfig, Mistakes, Project, find, read_inputs},
    run_case, to_lines, update,
};
use danube_wasm_sandbox::Sandbox;

use super::source_files::newer_than;
use crate::{args, exit::Failure};

/// Time for each size of batches in the table of the conformance suite.
const MEASURED: Duration = Duration::from_millis(300);

/// Runs what was asked for; fails with a code of its own while a case does.
pub(crate) fn test(args: &args::Test) -> Result<(), Failure> {
    let runtime = crate::runtime()?;
    // A cache of its own, gone afterwards: testing leaves nothing behind.
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let outcome = runtime.block_on(run(args, &sandbox));
    drop(Arc::try_unwrap(sandbox));
    outcome
}

async fn run(args: &args::Test, sandbox: &Arc<Sandbox>) -> Result<(), Failure> {
    if args.conformance {
        return conform(args, sandbox).await;
    }
    let [place] = args.places.as_slice() else {
        return Err(Failure::usage("name one connector; only --conformance takes several"));
    };
    let project = Project::find(place).map_err(Failure::configuration)?;
    if let Some(folder) = project.manifest.parent()
        && let Some(file) = newer_than(&project.component, folder)
    {
        eprintln!(
            "warning: {} was changed after {} was built: `danube-wasm build {}` builds it anew",
            file.display(),
            project.component.display(),
            folder.display()
        );
    }
    let component = Component::read(&project.component).map_err(Failure::configuration)?;
    component.check_role(&project).map_err(Failure::configuration)?;
    let folder = args.cases.clone().unwrap_or_else(|| project.cases.clone());
    if let Some(file) = &args.event {
        return event(args, &component, sandbox, &folder, file).await;
    }
    let cases = find(&folder, component.info.role, args.filter.as_deref()).map_err(Failure::configuration)?;
    // Compiled once, and not within the time of a case. What is wrong with it, the cases say.
    let _compiled = match cases.first() {
        Some(case) => component.start(sandbox, &case.config).await.ok(),
        None => None,
    };
    match args.fuzz {
        Some(seconds) => fuzzed(args, &component, sandbox, &cases, (&folder, seconds)).await,
        None => all(args, &component, sandbox, &cases).await,
    }
}

/// Every case, as it is or with faults.
async fn all(args: &args::Test, component: &Component, sandbox: &Arc<Sandbox>, cases: &[Case]) -> Result<(), Failure> {
    let mut results = Vec::new();
    for case in cases {
        let result = match args.chaos {
            true => chaos(component, sandbox, case).await,
            false => run_case(component, sandbox, case).await,
        };
        let mut result = result.map_err(Failure::configuration)?;
        if args.update {
            update(case, &mut result).map_err(|error| cannot_write(&case.expected_file(), &error))?;
        }
        results.push(result);
    }
    let report = Report::new(component, results);
    if let Some(file) = &args.junit {
        std::fs::write(file, report.junit()).map_err(|error| cannot_write(file, &error))?;
    }
    match args.json {
        true => println!("{}", report.json()),
        false => print!("{}", report.text()),
    }
    match report.failures() {
        0 => Ok(()),
        failed => Err(Failure::still_fails(format!(
            "{failed} of {} cases failed",
            report.results.len()
        ))),
    }
}

/// One file of inputs that is no case: whatever comes of them.
async fn event(
    args: &args::Test,
    component: &Component,
    sandbox: &Arc<Sandbox>,
    folder: &Path,
    file: &Path,
) -> Result<(), Failure> {
    let shared = Some(folder.join("config.toml")).filter(|file| file.is_file());
    let (config, inputs) = samples(component, args.config.clone().or(shared), file)?;
    let case = Case {
        name: file.display().to_string(),
        directory: PathBuf::new(),
        inputs,
        config,
        expected: None,
    };
    let result = run_case(component, sandbox, &case)
        .await
        .map_err(Failure::configuration)?;
    match args.json {
        true => println!("{}", Report::new(component, vec![result]).json()),
        false => show(&result),
    }
    Ok(())
}

/// Outputs go to standard output, so that they can be kept as `expected.jsonl`; all else is for the person who looks on.
fn show(result: &CaseResult) {
    for (level, line) in &result.recorded.lines {
        eprintln!("{:<5} {line}", level.as_str());
    }
    for (name, value) in &result.recorded.counters {
        eprintln!("count {name} {value}");
    }
    for (name, value) in &result.recorded.gauges {
        eprintln!("gauge {name} {value}");
    }
    result.backtrace.iter().for_each(|frame| eprintln!("  at {frame}"));
    print!("{}", to_lines(&result.outputs));
}

/// The inputs of a file, and their settings.
pub(super) fn samples(
    component: &Component,
    config: Option<PathBuf>,
    events: &Path,
) -> Result<(CaseConfig, Vec<danube_wasm_cases::Input>), Failure> {
    let role = component.info.role;
    let mut mistakes = Mistakes::default();
    let config = match config {
        Some(file) => match std::fs::read_to_string(&file) {
            Ok(text) => CaseConfig::read(&file, &text, role, &mut mistakes),
            Err(error) => {
                return Err(Failure::configuration(format!(
                    "{}: cannot be read: {error}",
                    file.display()
                )));
            }
        },
        None => CaseConfig::default_of(role),
    };
    let inputs = read_inputs(events, role, &config, &mut mistakes);
    mistakes.check().map_err(Failure::configuration)?;
    Ok((config, inputs))
}

async fn fuzzed(
    args: &args::Test,
    component: &Component,
    sandbox: &Arc<Sandbox>,
    cases: &[Case],
    (folder, seconds): (&Path, u64),
) -> Result<(), Failure> {
    let now = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| u64::from(time.subsec_nanos()));
    let seed = args.seed.unwrap_or(now);
    let time = Duration::from_secs(seconds);
    let report = fuzz(component, sandbox, cases, time, seed, folder)
        .await
        .map_err(Failure::configuration)?;
    let found = report
        .found
        .iter()
        .map(|found| serde_json::json!({ "case": found.directory, "error": found.error, "from": found.from }));
    match args.json {
        true => println!(
            "{}",
            serde_json::json!({ "seed": report.seed, "calls": report.calls, "found": found.collect::<Vec<_>>() })
        ),
        false => {
            for found in &report.found {
                println!(
                    "{}, made from {}: {}",
                    found.directory.display(),
                    found.from,
                    found.error
                );
            }
            println!(
                "{} calls with seed {}, {} ways to break it",
                report.calls,
                report.seed,
                report.found.len()
            );
        }
    }
    match report.found.len() {
        0 => Ok(()),
        n => Err(Failure::still_fails(format!(
            "{n} new cases break the component: each is a folder, as said above"
        ))),
    }
}

/// The suite, on every component that is named.
async fn conform(args: &args::Test, sandbox: &Arc<Sandbox>) -> Result<(), Failure> {
    let mut all = Vec::new();
    for place in &args.places {
        let file = danube_wasm_cases::read::component_of(place).map_err(Failure::configuration)?;
        let component = Component::read(&file).map_err(Failure::configuration)?;
        all.push(conformance::Conformance::run(&component, sandbox, MEASURED).await);
    }
    match args.json {
        true => println!("{}", serde_json::to_string(&all).map_err(Failure::internal)?),
        false => print!("{}", conformance::text(&all)),
    }
    match all.iter().map(conformance::Conformance::failures).sum::<usize>() {
        0 => Ok(()),
        failed => Err(Failure::still_fails(format!("{failed} points failed"))),
    }
}

fn cannot_write(file: &Path, error: &std::io::Error) -> Failure {
    Failure::internal(format!("{}: cannot be written: {error}", file.display()))
}
