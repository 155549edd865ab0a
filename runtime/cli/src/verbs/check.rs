//! `danube-wasm check FILES`: every mistake, and the components loaded, without starting anything; with `--connect` also
//! what the pipeline would not reach.

use std::{path::PathBuf, sync::Arc};

use danube_wasm_config::{Diagnostics, Loaded, Pipeline};

use danube_wasm_host::{
    LoadedComponent,
    probe::{self, Finding, Outcome},
    spools::{self, OrphanedSpool},
};

use crate::{args, exit::Failure};

/// Prints findings; fails with the configuration's exit code if one is an error.
pub(crate) fn check(args: &args::Check) -> Result<(), Failure> {
    let loaded = match danube_wasm_host::read(&args.files) {
        Ok(loaded) => loaded,
        Err(errors) => return refuse(args, &errors),
    };
    if !args.json {
        loaded.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    }
    let runtime = crate::runtime()?;
    let examined = runtime.block_on(async {
        let components = components(&loaded).await?;
        orphaned(&loaded.pipeline).await.map(|()| components)
    });
    let components = match examined {
        Ok(components) => components,
        Err(failure) if args.json => return Err(refuse_components(args, &loaded, failure)),
        Err(failure) => return Err(failure),
    };
    let reached = match args.connect {
        true => runtime.block_on(probe::everything(&loaded.pipeline))?,
        false => Vec::new(),
    };
    if args.json {
        let document = serde_json::json!({
            "errors": [], "warnings": loaded.warnings, "components": components, "reached": reached,
        });
        println!("{document}");
    } else {
        print(args, &loaded, &components, &reached);
    }
    let problems = failed(&reached);
    if problems > 0 {
        return Err(Failure::configuration(format!(
            "{problems} of {} would keep `run` from its work",
            reached.len()
        )));
    }
    Ok(())
}

async fn components(loaded: &Loaded) -> Result<Vec<LoadedComponent>, Failure> {
    // A cache of its own, gone afterwards: checking leaves nothing behind.
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let admitted = danube_wasm_host::load_components(&sandbox, &loaded.pipeline).await;
    drop(Arc::try_unwrap(sandbox));
    Ok(admitted?)
}

/// Spools that a start would refuse. One that is in use belongs to a pipeline that runs: it may have emptied it by then.
async fn orphaned(pipeline: &Pipeline) -> Result<(), Failure> {
    let (in_use, orphaned): (Vec<_>, Vec<_>) =
        (spools::find_orphaned(pipeline).await?.into_iter()).partition(OrphanedSpool::is_in_use);
    for orphaned in in_use {
        eprintln!("warning: {orphaned}");
    }
    Ok(spools::refuse(&orphaned)?)
}

/// A pipeline file without mistakes whose components or buffers are refused.
fn refuse_components(args: &args::Check, loaded: &Loaded, failure: Failure) -> Failure {
    // As a mistake of the file as a whole is shown.
    let error = serde_json::json!({
        "severity": "error", "file": names(&args.files), "line": 0, "column": 0, "key": "", "message": failure.message,
        "help": "",
    });
    let document = serde_json::json!({
        "errors": [error], "warnings": loaded.warnings, "components": [], "reached": [],
    });
    println!("{document}");
    failure
}

fn print(args: &args::Check, loaded: &Loaded, components: &[LoadedComponent], reached: &[Finding]) {
    for component in components {
        println!("{component}");
    }
    for Finding { what, outcome } in reached {
        match outcome {
            Outcome::Reached => println!("{what}: reached"),
            Outcome::Awaited(why) => println!("{what}: not there yet: {why}"),
            Outcome::Unknown(why) => println!("{what}: not known: {why}"),
            Outcome::Failed(why) => eprintln!("{what}: {why}"),
        }
    }
    if failed(reached) == 0 {
        let warnings = match loaded.warnings.len() {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            n => format!(", {n} warnings"),
        };
        println!("{}: no mistakes{warnings}", names(&args.files));
    }
}

fn failed(reached: &[Finding]) -> usize {
    let failed = |finding: &&Finding| matches!(finding.outcome, Outcome::Failed(_));
    reached.iter().filter(failed).count()
}

/// The files as a list.
fn names(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

fn refuse(args: &args::Check, errors: &Diagnostics) -> Result<(), Failure> {
    if args.json {
        let document = serde_json::json!({ "errors": errors, "warnings": [], "components": [], "reached": [] });
        println!("{document}");
    }
    Err(Failure::configuration(errors))
}
