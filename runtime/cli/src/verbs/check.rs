//! `danube-wasm check FILE`: every mistake, and the components loaded, without starting anything.

use std::{path::PathBuf, sync::Arc};

use danube_wasm_config::Diagnostics;

use crate::{args, assemble, exit::Failure, launcher};

/// Prints findings; fails with the configuration's exit code if one is an error.
pub(crate) fn check(args: &args::Check) -> Result<(), Failure> {
    let loaded = match assemble::read(&args.files) {
        Ok(loaded) => loaded,
        Err(errors) => return refuse(args, &errors),
    };
    for warning in &loaded.warnings {
        eprintln!("{warning}");
    }
    let desired = assemble::desired(&loaded.pipeline)?;
    // A cache of its own, gone afterwards: checking leaves nothing behind.
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let loaded_components = crate::runtime()?.block_on(async {
        let sandbox = crate::sandbox(scratch.path())?;
        let admitted = launcher::admit(&sandbox, &desired).await;
        drop(Arc::try_unwrap(sandbox));
        admitted
    })?;
    if args.json {
        let document =
            serde_json::json!({ "errors": [], "warnings": loaded.warnings, "components": loaded_components });
        println!("{document}");
    } else {
        for component in &loaded_components {
            println!("{component}");
        }
        println!("{}: no mistakes", names(&args.files));
    }
    Ok(())
}

/// The files as a list.
fn names(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

fn refuse(args: &args::Check, errors: &Diagnostics) -> Result<(), Failure> {
    if args.json {
        let document = serde_json::json!({ "errors": errors, "warnings": [], "components": [] });
        println!("{document}");
    }
    Err(Failure::configuration(errors))
}
