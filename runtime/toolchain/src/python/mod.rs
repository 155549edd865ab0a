//! Python: componentize-py, in the folder's own `.venv`.

mod build;
mod sockets;
mod venv;

use std::path::{Path, PathBuf};

use crate::{
    BuildError, Missing, Project, Template, Toolchain,
    embedded::{self, PYTHON_SDK},
};

/// The version of componentize-py that components are built by, here and in `requirements.txt`.
const COMPONENTIZE_PY: &str = "0.25.1";
/// Where a new folder has the SDK.
const SDK: &str = "vendor/danube_connector";

/// The toolchain.
pub(crate) struct Python;

impl Toolchain for Python {
    fn missing(&self, project: &Project) -> Vec<Missing> {
        venv::missing(&project.directory)
    }

    fn build(&self, project: &Project) -> Result<PathBuf, BuildError> {
        build::build(project)
    }

    fn template(&self) -> Template {
        let manual = include_bytes!("../../../../guest-sdk/python/README.md").to_vec();
        Template::of("python")
            .with(vec![(format!("{SDK}/README.md"), manual)])
            .with(embedded::under(PYTHON_SDK, SDK))
    }

    fn moved(&self, from: &Path, directory: &Path) -> Result<(), BuildError> {
        venv::moved(from, directory)
    }
}
