//! From an entry to a component: types, bundle, engine.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::{JavaScript, missing};
use crate::{BuildError, Project, command};

const ENGINES: &[&str] = &["quickjs", "starlingmonkey"];
const TSC: &str = "typescript/bin/tsc";
const TOOL: &str = "danube-connector/tools/build.js";

/// The table `[build]` of `connector.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// What runs the connector: QuickJS (2 MB) or StarlingMonkey (12 MB, for hot code).
    #[serde(default = "quickjs")]
    pub(super) engine: String,
    /// The module that exports the connector.
    entry: Option<String>,
}

impl Settings {
    /// Reads the table, with the entry that the language has where it names none.
    pub(super) fn read(language: &JavaScript, project: &Project) -> Result<Self, BuildError> {
        let refuse = |why: String| Err(BuildError::Project(format!("connector.toml: [build]: {why}")));
        let mut settings: Self = match project.build.clone().try_into() {
            Ok(settings) => settings,
            Err(error) => return refuse(error.to_string().trim_end().replace('\n', " ")),
        };
        if !ENGINES.contains(&settings.engine.as_str()) {
            return refuse(format!(
                "engine: `{}` is not one of {}",
                settings.engine,
                ENGINES.join(", ")
            ));
        }
        let entry = settings.entry.get_or_insert_with(|| language.entry.to_owned());
        if !project.directory.join(&entry).is_file() {
            let why = format!("{entry} is not there: write it, or name the module with `entry`");
            return Err(BuildError::Project(why));
        }
        Ok(settings)
    }
}

/// Compiles the folder.
pub(super) fn build(language: &JavaScript, project: &Project) -> Result<PathBuf, BuildError> {
    let settings = Settings::read(language, project)?;
    let missing = missing::missing(language, project);
    if !missing.is_empty() {
        return Err(BuildError::Missing(missing));
    }
    if language.is_typed {
        command::run("tsc", node(project, TSC)?.args(["--project", "."]))?;
    }
    let component = project.component()?;
    // The tool runs in the folder.
    let out = std::path::absolute(&component).map_err(|e| BuildError::io(&component, e))?;
    let entry = settings.entry.as_deref().unwrap_or(language.entry);
    let mut tool = node(project, TOOL)?;
    tool.arg(entry)
        .args(["--kind", project.kind.as_str()])
        .args(["--engine", &settings.engine])
        .arg("--out")
        .arg(out);
    command::run("danube-connector-build", &mut tool)?;
    Ok(component)
}

/// Node.js with a program of a package, in the folder. What it prints goes to standard error: standard output is the verb's.
fn node(project: &Project, program: &str) -> Result<Command, BuildError> {
    let folder = &project.directory;
    let node = missing::node(folder).unwrap_or_else(|| PathBuf::from("node"));
    let mut command = Command::new(node);
    command.arg(installed(folder, program)?).current_dir(folder);
    command.stdout(Stdio::from(std::io::stderr()));
    Ok(command)
}

/// A file of a package, in the folder or one above it, as Node.js looks for it.
fn installed(folder: &Path, file: &str) -> Result<PathBuf, BuildError> {
    let folder = std::path::absolute(folder).map_err(|e| BuildError::io(folder, e))?;
    let mut found = folder.ancestors().map(|folder| folder.join("node_modules").join(file));
    let first = found.clone().find(|path| path.is_file());
    Ok(first.or_else(|| found.next()).unwrap_or_default())
}

fn quickjs() -> String {
    ENGINES[0].to_owned()
}
