//! `danube-wasm build DIR`: a connector's folder to a component.

use std::{path::Path, sync::Arc};

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{Grants, LoadError, LoadSpec, Role, TracingHost};
use danube_wasm_toolchain::{BuildError, Project, toolchain};

use super::inspect;
use crate::{args, exit::Failure};

/// Builds with the language's own tools, then checks that what came out is a connector that this host would run.
pub(crate) fn build(args: &args::Build) -> Result<(), Failure> {
    if args.install {
        install(&args.directory)?;
    }
    let component = danube_wasm_toolchain::build(&args.directory, args.output.as_deref()).map_err(failed)?;
    let (info, bytes) = inspect::show(&component, args.json)?;
    crate::runtime()?.block_on(admit(&component, info.role, bytes))
}

/// Runs the commands that install what is missing.
fn install(directory: &Path) -> Result<(), Failure> {
    let project = Project::read(directory).map_err(failed)?;
    for tool in toolchain(project.language).missing(&project) {
        eprintln!("{}: {}", tool.what, tool.install);
        danube_wasm_toolchain::install(&tool, directory).map_err(failed)?;
    }
    Ok(())
}

/// How a build's error ends the verb.
pub(super) fn failed(error: BuildError) -> Failure {
    match error {
        BuildError::Project(why) => Failure::usage(why),
        BuildError::Io { .. } => Failure::internal(error),
        BuildError::Missing(_) | BuildError::Install(_) | BuildError::Compiler(_) | BuildError::NotAComponent(_) => {
            Failure::failed_build(error)
        }
    }
}

/// Refuses what a pipeline could not start, whatever it is configured with. What the component says of its settings is left to
/// `check`: it has none here.
pub(super) async fn admit(file: &Path, role: Role, bytes: Vec<u8>) -> Result<(), Failure> {
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let id = ConnectorId::try_new("build", "component").map_err(Failure::internal)?;
    // What it is granted is the pipeline file's to say.
    let spec = LoadSpec {
        grants: Grants::everything(),
        ..LoadSpec::new(id, file.display().to_string(), bytes.into())
    };
    let host = Arc::new(TracingHost);
    let loaded = match role {
        Role::Source => sandbox.load_source(spec, host).await.map(drop),
        Role::Sink => sandbox.load_sink(spec, host).await.map(drop),
    };
    match loaded {
        Ok(()) | Err(LoadError::Topics { .. }) => Ok(()),
        Err(LoadError::Start { stage, .. }) if stage != "instantiation" => Ok(()),
        Err(refused) => Err(Failure::failed_build(&refused).coded(refused.code())),
    }
}
