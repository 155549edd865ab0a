//! JavaScript and TypeScript: bundled by rolldown, run by QuickJS or StarlingMonkey, which the component carries.
//!
//! What builds is the project's own, in the versions that its `package.json` pins; the SDK in `vendor/` has the tool that calls it.

mod build;
mod missing;

use std::path::PathBuf;

use crate::{
    BuildError, Missing, Project, Template, Toolchain,
    embedded::{self, JAVASCRIPT_SDK, JAVASCRIPT_TOOLS, JAVASCRIPT_WIT},
};

/// Where a new folder has the SDK.
const SDK: &str = "vendor/danube-connector";

/// One of the two languages.
pub(crate) struct JavaScript {
    /// As templates are named.
    name: &'static str,
    /// The entry, where `[build]` names no other.
    entry: &'static str,
    /// Whether types are checked first.
    is_typed: bool,
}

/// The toolchain of JavaScript.
pub(crate) static JAVASCRIPT: JavaScript = JavaScript {
    name: "javascript",
    entry: "src/connector.js",
    is_typed: false,
};

/// The toolchain of TypeScript.
pub(crate) static TYPESCRIPT: JavaScript = JavaScript {
    name: "typescript",
    entry: "src/connector.ts",
    is_typed: true,
};

impl Toolchain for JavaScript {
    fn missing(&self, project: &Project) -> Vec<Missing> {
        missing::missing(self, project)
    }

    fn build(&self, project: &Project) -> Result<PathBuf, BuildError> {
        build::build(self, project)
    }

    fn template(&self) -> Template {
        let sdk = |path: &str, content: &[u8]| (format!("{SDK}/{path}"), content.to_vec());
        Template::of(self.name)
            .with(vec![
                sdk(
                    "package.json",
                    include_bytes!("../../../../guest-sdk/javascript/package.json"),
                ),
                sdk(
                    "README.md",
                    include_bytes!("../../../../guest-sdk/javascript/README.md"),
                ),
            ])
            .with(embedded::under(JAVASCRIPT_SDK, &format!("{SDK}/src")))
            .with(embedded::under(JAVASCRIPT_TOOLS, &format!("{SDK}/tools")))
            .with(embedded::under(JAVASCRIPT_WIT, &format!("{SDK}/wit")))
    }
}
