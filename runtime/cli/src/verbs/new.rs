//! `danube-wasm new NAME`: a connector's folder that builds, tests and runs as it stands.

use danube_wasm_toolchain::{BuildError, NewConnector, Scaffold, ScaffoldError};

use super::{build, inspect};
use crate::{args, exit::Failure};

/// Makes the folder once its first build has passed; else nothing is left behind.
pub(crate) fn new(args: &args::New) -> Result<(), Failure> {
    let scaffold = Scaffold::write(&NewConnector {
        directory: args.directory.clone(),
        kind: args.kind,
        language: args.lang,
        from: args.from.clone(),
    })
    .map_err(|error| match error {
        ScaffoldError::Request(why) => Failure::usage(why),
        ScaffoldError::Build(error) => build::failed(error),
    })?;
    if !args.no_build {
        tools(&scaffold, args.install)?;
        let component = scaffold.build().map_err(build::failed)?;
        let (info, bytes) = inspect::read(&component)?;
        crate::runtime()?.block_on(build::admit(&component, info.role, bytes))?;
    }
    scaffold.keep().map_err(build::failed)?;
    println!(
        "{} is there: its README.md says what to do next",
        args.directory.display()
    );
    Ok(())
}

/// Installs what is missing into the folder, if that was asked for.
fn tools(scaffold: &Scaffold, install: bool) -> Result<(), Failure> {
    let missing = scaffold.missing();
    if missing.is_empty() {
        return Ok(());
    }
    if !install {
        let told = BuildError::Missing(missing);
        return Err(Failure::failed_build(format!(
            "{told}\nnothing was made: add `--install` to run this in the new folder, or `--no-build` to have the folder without a build"
        )));
    }
    for tool in &missing {
        eprintln!("{}: {}", tool.what, tool.install);
        scaffold.install(tool).map_err(build::failed)?;
    }
    Ok(())
}
