//! `danube-wasm build DIR`: a connector's crate to a component.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::inspect;
use crate::{args, exit::Failure};

const TARGET: &str = "wasm32-wasip2";

/// Builds with the user's own cargo, then checks that what came out is a connector.
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
    inspect::show(&component, args.json)
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
        return Err(Failure::configuration(format!(
            "the crate did not build; if the target is missing, run `rustup target add {TARGET}`"
        )));
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
