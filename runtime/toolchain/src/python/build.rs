//! From a module to a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{
    sockets,
    venv::{self, Venv},
};
use serde::Deserialize;

use crate::{BuildError, Kind, Project, command};

/// Folders of the project that modules are found in, if they are there.
const PYTHON_PATH: &[&str] = &["src", "vendor"];
/// The module that exports the connector.
const COMPONENT: &str = "danube_component";
/// The connector's own file, unless `[build] entry` names another.
const ENTRY: &str = "app.py";
/// The package with the worlds of those that ask over HTTP. An import of a world is in the component, used or not.
const WITH_HTTP: &str = "danube:http";

/// The table `[build]` of `connector.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A file below `src`.
    entry: Option<String>,
    /// Whether it imports `danube_connector.http`; unless told otherwise, if it is a poller.
    http: Option<bool>,
}

/// Compiles the folder.
///
/// # Errors
/// As [`crate::Toolchain::build`].
pub(super) fn build(project: &Project) -> Result<PathBuf, BuildError> {
    let directory = &project.directory;
    let Some(venv) = Venv::find(directory) else {
        return Err(BuildError::Missing(venv::missing(directory)));
    };
    let settings = settings(project)?;
    let entry = entry(project, settings.entry.as_deref().unwrap_or(ENTRY))?;
    let has_http = settings.http.unwrap_or(project.kind == Kind::Poller);
    let stage = tempfile::tempdir().map_err(|e| BuildError::io(directory, e))?;
    let module = stage.path().join(format!("{COMPONENT}.py"));
    fs::write(&module, exports(project.kind, &entry)).map_err(|e| BuildError::io(&module, e))?;
    let built = stage.path().join("component.wasm");
    componentize(project, &venv, has_http, (stage.path(), &built))?;
    let bytes = fs::read(&built).map_err(|e| BuildError::io(&built, e))?;
    let bytes = sockets::plugged(bytes).map_err(|e| {
        BuildError::NotAComponent(format!(
            "the sockets of what componentize-py built cannot be plugged: {e:#}"
        ))
    })?;
    let component = project.component()?;
    let beside = component.with_extension("wasm.new");
    fs::write(&beside, bytes)
        .and_then(|()| fs::rename(&beside, &component))
        .map_err(|e| BuildError::io(&component, e))?;
    Ok(component)
}

fn componentize(
    project: &Project,
    venv: &Venv,
    has_http: bool,
    (stage, built): (&Path, &Path),
) -> Result<(), BuildError> {
    let mut componentize = venv.componentize_py();
    let world = match has_http {
        true => format!("{WITH_HTTP}/{}", project.kind.world()),
        false => project.kind.world().to_owned(),
    };
    componentize
        .args(["-q", "-w", &world, "--full-names", "componentize"])
        .arg("-p")
        .arg(stage);
    for folder in PYTHON_PATH
        .iter()
        .filter(|folder| project.directory.join(folder).is_dir())
    {
        componentize.args(["-p", folder]);
    }
    componentize
        .arg("-o")
        .arg(built)
        .arg(COMPONENT)
        .current_dir(&project.directory)
        .stdout(Stdio::from(std::io::stderr()));
    command::run("componentize-py", &mut componentize).map(drop)
}

fn settings(project: &Project) -> Result<Settings, BuildError> {
    let settings = project.build.clone().try_into::<Settings>();
    settings.map_err(|error| refused(project, error.to_string().trim_end().replace('\n', " ")))
}

fn refused(project: &Project, why: impl std::fmt::Display) -> BuildError {
    let manifest = project.directory.join("connector.toml");
    BuildError::Project(format!("{}: [build]: {why}", manifest.display()))
}

/// A file below `src` as a module.
fn entry(project: &Project, file: &str) -> Result<String, BuildError> {
    let module = file.strip_suffix(".py").unwrap_or(file).replace('/', ".");
    let is_module = module.split('.').all(|part| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    });
    if !is_module || !project.directory.join("src").join(file).is_file() {
        let why =
            format!("entry: src/{file} is not there: name the Python file below src that has the connector's class");
        return Err(refused(project, why));
    }
    Ok(module)
}

/// The module that componentize-py is given: it finds the exported classes by their names in it.
fn exports(kind: Kind, entry: &str) -> String {
    let class = match kind {
        Kind::Source | Kind::Poller => "DanubeConnectorSource010",
        Kind::Sink => "DanubeConnectorSink010",
    };
    let fetches = match kind {
        Kind::Poller => "DanubeConnectorPoller010 = exports.DanubeConnectorPoller010\n",
        Kind::Source | Kind::Sink => "",
    };
    format!(
        "import {entry}\nfrom danube_connector import exports\n\n{class} = exports.component(\"{kind}\", \"{entry}\")\n{fetches}"
    )
}
