//! Go: stock Go for `wasip1`, and what makes a component of its module in this program.

mod compiler;
mod component;

use std::path::PathBuf;

use crate::{
    BuildError, Missing, Project, Template, Toolchain,
    embedded::{self, GO_SDK},
};

/// Where a new folder has the SDK.
const SDK: &str = "third_party/danube-connector";

/// The toolchain.
pub(crate) struct Go;

impl Toolchain for Go {
    fn missing(&self, project: &Project) -> Vec<Missing> {
        match compiler::find(&project.directory) {
            Some(_) => Vec::new(),
            None => vec![compiler::missing()],
        }
    }

    fn build(&self, project: &Project) -> Result<PathBuf, BuildError> {
        let component = project.component()?;
        let module = compiler::module(project)?;
        let built = component::of_module(module, project.kind)?;
        std::fs::write(&component, built).map_err(|e| BuildError::io(&component, e))?;
        Ok(component)
    }

    fn template(&self) -> Template {
        Template::of("go").with(embedded::under(GO_SDK, SDK))
    }
}
