//! What goes wrong between a source and a component.

use std::path::{Path, PathBuf};

/// A tool or package that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What: `the target wasm32-wasip2`, `componentize-py 0.25.1`.
    pub what: String,
    /// The one command that installs it, as a shell takes it in the connector's folder.
    pub install: String,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The folder is not a connector's, or its `connector.toml` is wrong. With file and cure.
    #[error("{0}")]
    Project(String),
    /// Tools are missing.
    #[error("{}", told(.0))]
    Missing(Vec<Missing>),
    /// The command that installs a tool failed; it has said why on standard error.
    #[error("`{0}` failed: it says above why. It needs the network, or a mirror that the tool is configured with")]
    Install(String),
    /// A tool refused the source; it has said why on standard error.
    #[error("{0} did not build the connector: it says above why")]
    Compiler(String),
    /// A tool built something else than a component.
    #[error("{0}")]
    NotAComponent(String),
    /// A file or a process of this machine.
    #[error("{}: {error}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl BuildError {
    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            error,
        }
    }
}

fn told(missing: &[Missing]) -> String {
    let each = missing
        .iter()
        .map(|m| format!("{} is missing: run `{}`", m.what, m.install));
    each.collect::<Vec<_>>().join("\n")
}
