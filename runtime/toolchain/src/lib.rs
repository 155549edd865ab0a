//! A connector author's folder: scaffolded by [`scaffold`], compiled to a component by [`build`], in each [`Language`].
//!
//! A folder is described by its `connector.toml` ([`Project`]). A language is one folder of this crate that implements
//! [`Toolchain`]. Compilers are the user's own, from the language's own registry, in the project's own folder; what is missing is
//! told with the one command that installs it. Nothing here runs a component: whoever calls checks the result in the sandbox.

mod command;
mod embedded;
mod error;
mod go;
mod javascript;
mod language;
mod project;
mod python;
mod rust;
mod scaffold;
mod template;

use std::path::{Path, PathBuf};

pub use error::{BuildError, Missing};
pub use language::{Kind, Language};
pub use project::Project;
pub use scaffold::{NewConnector, Scaffold, ScaffoldError, senders};
pub use template::Template;

/// How connectors of one language are made.
pub trait Toolchain: Sync {
    /// What is missing on this machine or in this folder to build it.
    fn missing(&self, project: &Project) -> Vec<Missing>;
    /// Compiles the folder and returns the component's file. What the compiler says goes to standard error as it is.
    ///
    /// # Errors
    /// [`BuildError::Missing`] if a tool is not there, [`BuildError::Compiler`] if a tool refused the source.
    fn build(&self, project: &Project) -> Result<PathBuf, BuildError>;
    /// What a new folder holds.
    fn template(&self) -> Template;
    /// Mends what names the folder that a new connector was made in, which is `from`, once it has been moved to `directory`.
    ///
    /// # Errors
    /// [`BuildError::Io`] if a file cannot be written.
    fn moved(&self, from: &Path, directory: &Path) -> Result<(), BuildError> {
        let _ = (from, directory);
        Ok(())
    }
}

/// The toolchain of a language.
pub fn toolchain(language: Language) -> &'static dyn Toolchain {
    match language {
        Language::Rust => &rust::Rust,
        Language::Python => &python::Python,
        Language::JavaScript => &javascript::JAVASCRIPT,
        Language::TypeScript => &javascript::TYPESCRIPT,
        Language::Go => &go::Go,
    }
}

/// Runs the command of something missing in a connector's folder, with everything that it prints passed on.
///
/// # Errors
/// [`BuildError::Install`] if it fails.
pub fn install(missing: &Missing, directory: &Path) -> Result<(), BuildError> {
    command::install(&missing.install, directory)
}

/// Compiles the connector in `directory`: one with a `connector.toml`, or a crate of Rust. With `output`, the component is
/// that file, and the folder's own, which a pipeline may run, stays as it is.
///
/// # Errors
/// As [`Toolchain::build`]; [`BuildError::Project`] if the folder is no connector's.
pub fn build(directory: &Path, output: Option<&Path>) -> Result<PathBuf, BuildError> {
    if directory.join(project::MANIFEST).is_file() {
        let project = Project {
            output: output.map(Path::to_owned),
            ..Project::read(directory)?
        };
        return toolchain(project.language).build(&project);
    }
    if directory.join("Cargo.toml").is_file() {
        let built = rust::build_crate(directory)?;
        return match output {
            Some(output) => copy(&built, output),
            None => Ok(built),
        };
    }
    Err(BuildError::Project(format!(
        "{} has neither {} nor Cargo.toml: name the folder of a connector, or make one with `danube-wasm new`",
        directory.display(),
        project::MANIFEST
    )))
}

/// Copies a component, and returns where to.
fn copy(built: &Path, component: &Path) -> Result<PathBuf, BuildError> {
    std::fs::copy(built, component).map_err(|e| BuildError::io(component, e))?;
    Ok(component.to_owned())
}
