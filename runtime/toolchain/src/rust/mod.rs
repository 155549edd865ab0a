//! Rust: the user's own cargo, for the target `wasm32-wasip2`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    BuildError, Missing, Project, Template, Toolchain, command,
    embedded::{self, RUST_SDK, RUST_SDK_MANIFEST, WIT},
};

const TARGET: &str = "wasm32-wasip2";
/// Where a new folder has the SDK.
const SDK: &str = "vendor/danube-connector";

/// The toolchain.
pub(crate) struct Rust;

impl Toolchain for Rust {
    fn missing(&self, project: &Project) -> Vec<Missing> {
        missing(&project.directory)
    }

    fn build(&self, project: &Project) -> Result<PathBuf, BuildError> {
        let built = build_crate(&project.directory)?;
        crate::copy(&built, &project.component()?)
    }

    fn template(&self) -> Template {
        let manifest = (format!("{SDK}/Cargo.toml"), RUST_SDK_MANIFEST.as_bytes().to_vec());
        Template::of("rust")
            .with(vec![
                manifest,
                (
                    format!("{SDK}/README.md"),
                    include_bytes!("../../../../guest-sdk/README.md").to_vec(),
                ),
            ])
            .with(embedded::under(RUST_SDK, &format!("{SDK}/src")))
            .with(embedded::under(WIT, &format!("{SDK}/wit")))
    }
}

fn missing(directory: &Path) -> Vec<Missing> {
    if !command::answers("cargo", &["--version"], directory) {
        return vec![Missing {
            what: "cargo".to_owned(),
            install: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y".to_owned(),
        }];
    }
    match has_target(directory) {
        true => Vec::new(),
        false => vec![Missing {
            what: format!("the target {TARGET}"),
            install: format!("rustup target add {TARGET}"),
        }],
    }
}

/// Whether the toolchain of this folder can build for the target; if nobody tells, that it can.
fn has_target(directory: &Path) -> bool {
    let mut asked = Command::new("rustc");
    asked
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(directory);
    match asked.output() {
        Ok(output) if output.status.success() => Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir(),
        _ => true,
    }
}

/// Runs cargo and finds the component among the artifacts that it reports.
///
/// # Errors
/// As [`Toolchain::build`].
pub(crate) fn build_crate(directory: &Path) -> Result<PathBuf, BuildError> {
    let missing = missing(directory);
    if !missing.is_empty() {
        return Err(BuildError::Missing(missing));
    }
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "build",
            "--release",
            "--target",
            TARGET,
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(directory);
    let output = command::run("cargo", &mut cargo)?;
    let reported = String::from_utf8_lossy(&output);
    let component = reported.lines().rev().find_map(component_of);
    component.ok_or_else(|| {
        BuildError::NotAComponent(
            "the crate built no component: add `[lib] crate-type = [\"cdylib\"]` to its Cargo.toml".to_owned(),
        )
    })
}

/// The component that a message of cargo reports.
fn component_of(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let files = message.get("filenames")?.as_array()?;
    let component = files
        .iter()
        .filter_map(|file| file.as_str())
        .find(|file| file.ends_with(".wasm"));
    component.map(PathBuf::from)
}
