//! The virtual environment that componentize-py lives in: the folder's own, or the one that is active.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::COMPONENTIZE_PY;
use crate::{BuildError, Missing};

/// The folder's own.
const VENV: &str = ".venv";

/// An environment that has the right componentize-py.
pub(super) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The folder's own, else the one that `VIRTUAL_ENV` names.
    pub(super) fn find(directory: &Path) -> Option<Self> {
        let active = env::var_os("VIRTUAL_ENV").map(PathBuf::from);
        let environments = [Some(directory.join(VENV)), active].into_iter().flatten();
        let absolute = environments.filter_map(|folder| std::path::absolute(folder).ok());
        absolute
            .map(|folder| Self { folder })
            .find(|venv| venv.version().as_deref() == Some(COMPONENTIZE_PY))
    }

    /// componentize-py. By its module, because scripts of an environment name a folder that may have been moved since.
    pub(super) fn componentize_py(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/python"));
        command
            .args(["-c", include_str!("componentize.py")])
            .env("VIRTUAL_ENV", &self.folder)
            .env("RUST_BACKTRACE", "0");
        command
    }

    fn version(&self) -> Option<String> {
        let program = "import importlib.metadata as m; print(m.version('componentize-py'))";
        said(&self.folder.join("bin/python"), program)
    }
}

/// What has to be installed.
pub(super) fn missing(directory: &Path) -> Vec<Missing> {
    if Venv::find(directory).is_some() {
        return Vec::new();
    }
    let missing = |what: String, install: &str| {
        vec![Missing {
            what,
            install: install.to_owned(),
        }]
    };
    match said(Path::new("python3"), "import sys; print(sys.version_info >= (3, 10))").as_deref() {
        None => missing("python3".to_owned(), "apt-get install -y python3 python3-venv"),
        Some("True") if said(Path::new("python3"), "import ensurepip").is_none() => {
            missing("python3's module venv".to_owned(), "apt-get install -y python3-venv")
        }
        Some("True") => missing(
            format!("componentize-py {COMPONENTIZE_PY}"),
            "python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt",
        ),
        Some(_) => missing(
            "python3 of version 3.10 or later".to_owned(),
            "apt-get install -y python3 python3-venv",
        ),
    }
}

/// What a program of one line prints; none if it fails.
fn said(python: &Path, program: &str) -> Option<String> {
    let output = Command::new(python).args(["-c", program]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Lets the environment's scripts, which name its folder, name the new one.
///
/// # Errors
/// [`BuildError::Io`] if a script cannot be written.
pub(super) fn moved(from: &Path, directory: &Path) -> Result<(), BuildError> {
    let io = |path: &Path, e| BuildError::io(path, e);
    let absolute = |path: &Path| std::path::absolute(path).map_err(|e| io(path, e));
    let (from, to) = (absolute(from)?, absolute(directory)?);
    let scripts = match fs::read_dir(directory.join(VENV).join("bin")) {
        Ok(scripts) => scripts,
        Err(_) => return Ok(()),
    };
    for script in scripts.filter_map(Result::ok).map(|entry| entry.path()) {
        let is_file = script.symlink_metadata().is_ok_and(|it| it.is_file());
        let Some(text) = is_file.then(|| fs::read_to_string(&script).ok()).flatten() else {
            continue;
        };
        let text = text.replace(&*from.to_string_lossy(), &to.to_string_lossy());
        fs::write(&script, text).map_err(|e| io(&script, e))?;
    }
    Ok(())
}
