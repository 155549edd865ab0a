//! `danube-wasm build DIR`: a connector's crate to a component.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use danube_wasm_model::ConnectorId;
use danube_wasm_sandbox::{LoadError, LoadSpec, Role, TracingHost};

use super::inspect;
use crate::{args, exit::Failure};

const TARGET: &str = "wasm32-wasip2";

/// Builds with the user's own cargo, then checks that what came out is a connector that this host would run.
pub(crate) fn build(args: &args::Build) -> Result<(), Failure> {
    if !args.directory.join("Cargo.toml").is_file() {
        return Err(Failure::usage(format!(
            "{} has no Cargo.toml: name the folder of a connector's crate",
            args.directory.display()
        )));
    }
    let built = cargo_build(&args.directory)?;
    let component = match &args.output {
        Some(output) => {
            std::fs::copy(&built, output)
                .map_err(|e| Failure::internal(format!("cannot write {}: {e}", output.display())))?;
            output.clone()
        }
        None => built,
    };
    let (info, bytes) = inspect::show(&component, args.json)?;
    crate::runtime()?.block_on(admit(&component, info.role, bytes))
}

/// Refuses what a pipeline could not start, whatever it is configured with. What the component says of its settings is left to
/// `check`: it has none here.
async fn admit(file: &Path, role: Role, bytes: Vec<u8>) -> Result<(), Failure> {
    let scratch = tempfile::tempdir().map_err(Failure::internal)?;
    let sandbox = crate::sandbox(scratch.path())?;
    let id = ConnectorId::try_new("build", "component").map_err(Failure::internal)?;
    let spec = LoadSpec::new(id, file.display().to_string(), bytes.into());
    let host = Arc::new(TracingHost);
    let loaded = match role {
        Role::Source => sandbox.load_source(spec, host).await.map(drop),
        Role::Sink => sandbox.load_sink(spec, host).await.map(drop),
    };
    match loaded {
        Ok(()) | Err(LoadError::Topics { .. }) => Ok(()),
        Err(LoadError::Start { stage, .. }) if stage != "instantiation" => Ok(()),
        Err(refused) => Err(Failure::configuration(refused)),
    }
}

/// Runs cargo and finds the component among the artifacts that it reports.
fn cargo_build(directory: &Path) -> Result<PathBuf, Failure> {
    let output = Command::new("cargo")
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Failure::internal(format!("cannot run cargo: {e}; install Rust from https://rustup.rs")))?;
    if !output.status.success() {
        return Err(Failure::configuration(match has_target(directory) {
            true => "the crate did not build: cargo says above why".to_owned(),
            false => format!("the crate did not build: the target is missing, run `rustup target add {TARGET}`"),
        }));
    }
    let reported = String::from_utf8_lossy(&output.stdout);
    let component = reported.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let files = message.get("filenames")?.as_array()?;
        files
            .iter()
            .filter_map(|f| f.as_str())
            .find(|f| f.ends_with(".wasm"))
            .map(PathBuf::from)
    });
    component.ok_or_else(|| {
        Failure::configuration("the crate built no component: add `[lib] crate-type = [\"cdylib\"]` to its Cargo.toml")
    })
}

/// Whether the toolchain of this folder can build for the target; if nobody tells, that it can.
fn has_target(directory: &Path) -> bool {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(directory)
        .output();
    match asked {
        Ok(output) if output.status.success() => Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir(),
        _ => true,
    }
}
