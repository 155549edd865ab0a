//! `danube-wasm migrate FILES`: Danube Connect's files as one pipeline file.

use crate::{args, exit::Failure};

/// Prints the pipeline file; what the operator should know goes to standard error.
pub(crate) fn migrate(args: &args::Migrate) -> Result<(), Failure> {
    let migrated = danube_wasm_host::loader()
        .migrate(&args.files)
        .map_err(Failure::configuration)?;
    for warning in &migrated.warnings {
        eprintln!("{warning}");
    }
    print!("{}", migrated.toml);
    Ok(())
}
