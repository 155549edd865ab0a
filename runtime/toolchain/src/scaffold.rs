//! `danube-wasm new`: a folder that builds, tests and runs as it stands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    BuildError, Kind, Language, Missing, Project, embedded,
    project::{NOT_A_NAME, is_name},
    toolchain,
};

/// What to make.
#[derive(Debug, Clone)]
pub struct NewConnector {
    /// The folder to make; its last part is the connector's name.
    pub directory: PathBuf,
    /// What the connector does.
    pub kind: Kind,
    /// What it is written in.
    pub language: Language,
    /// The sender whose webhooks a source takes: one of [`senders`].
    pub from: Option<String>,
}

/// Why no folder was made.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// What was asked for cannot be made.
    #[error("{0}")]
    Request(String),
    /// It did not build, or could not be written.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// A folder that is not in its place yet: dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Scaffold {
    stage: TempDir,
    directory: PathBuf,
    project: Project,
}

/// The senders that a source can be made for.
pub fn senders() -> Vec<&'static str> {
    let files = embedded::SENDERS.iter();
    files
        .filter_map(|file| file.path.strip_suffix(".toml"))
        .filter(|name| !name.contains('/'))
        .collect()
}

impl Scaffold {
    /// Writes the files beside the place where the folder will be.
    ///
    /// # Errors
    /// [`ScaffoldError::Request`] if the name is none or taken; [`BuildError::Io`].
    pub fn write(new: &NewConnector) -> Result<Self, ScaffoldError> {
        let name = checked_name(new)?;
        let parent = match new.directory.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let io = |path: &Path, e| ScaffoldError::Build(BuildError::io(path, e));
        let stage = tempfile::Builder::new().prefix(&format!(".{name}-")).tempdir_in(parent);
        let stage = stage.map_err(|e| io(parent, e))?;
        let mut files = toolchain(new.language).template().render(&name, new.kind);
        if let Some(sender) = &new.from {
            take_sender(&mut files, sender, &name)?;
        }
        for (path, content) in files {
            let file = stage.path().join(path);
            let folder = file.parent().unwrap_or(stage.path());
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&file, content))
                .map_err(|e| io(&file, e))?;
        }
        let project = Project::read(stage.path())?;
        Ok(Self {
            stage,
            directory: new.directory.clone(),
            project,
        })
    }

    /// What is missing to build it.
    pub fn missing(&self) -> Vec<Missing> {
        toolchain(self.project.language).missing(&self.project)
    }

    /// Runs the command of something missing.
    ///
    /// # Errors
    /// If the command fails.
    pub fn install(&self, missing: &Missing) -> Result<(), BuildError> {
        crate::install(missing, &self.project.directory)
    }

    /// Builds it and returns the component's file.
    ///
    /// # Errors
    /// As [`crate::Toolchain::build`].
    pub fn build(&self) -> Result<PathBuf, BuildError> {
        toolchain(self.project.language).build(&self.project)
    }

    /// Puts the folder in its place.
    ///
    /// # Errors
    /// [`BuildError::Io`]; nothing is left behind then.
    pub fn keep(self) -> Result<(), BuildError> {
        let stage = self.stage.path();
        // A private folder of ours becomes an ordinary one of the user's.
        let ordinary = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        let moved = fs::set_permissions(stage, ordinary).and_then(|()| fs::rename(stage, &self.directory));
        moved.map_err(|e| BuildError::io(&self.directory, e))?;
        let from = self.stage.keep();
        toolchain(self.project.language).moved(&from, &self.directory)?;
        Ok(())
    }
}

fn checked_name(new: &NewConnector) -> Result<String, ScaffoldError> {
    let refuse = |why: String| Err(ScaffoldError::Request(why));
    let name = new
        .directory
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if !is_name(name) {
        return refuse(format!("`{name}` is {NOT_A_NAME}"));
    }
    if new.directory.symlink_metadata().is_ok() {
        return refuse(format!(
            "{} is there already: choose another name, or remove it first",
            new.directory.display()
        ));
    }
    if new.from.is_some() && new.kind != Kind::Source {
        return refuse("--from names a sender of webhooks: it goes with --kind source".to_owned());
    }
    Ok(name.to_owned())
}

/// Makes the pipeline that of a sender's webhooks, through the new component.
fn take_sender(files: &mut [(String, Vec<u8>)], sender: &str, name: &str) -> Result<(), ScaffoldError> {
    let path = format!("{sender}.toml");
    let Some(example) = embedded::SENDERS.iter().find(|file| file.path == path) else {
        let known = senders().join(", ");
        return Err(ScaffoldError::Request(format!(
            "--from {sender}: the senders are {known}"
        )));
    };
    let text = String::from_utf8_lossy(example.content);
    let text = text.replace("\"builtin:webhook-source\"", &format!("\"target/{name}.wasm\""));
    if let Some((_, content)) = files.iter_mut().find(|(path, _)| path == "pipeline.toml") {
        *content = text.into_bytes();
    }
    Ok(())
}
