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
use crate::{BuildError, Kind, Project, command};

/// Folders of the project that modules are found in, if they are there.
const PYTHON_PATH: &[&str] = &["src", "vendor"];
/// The module that exports the connector.
const COMPONENT: &str = "danube_component";
/// The connector's own module, unless `[build] entry` names another.
const ENTRY: &str = "app";

/// Compiles the folder.
///
/// # Errors
/// As [`crate::Toolchain::build`].
pub(super) fn build(project: &Project) -> Result<PathBuf, BuildError> {
    let directory = &project.directory;
    let Some(venv) = Venv::find(directory) else {
        return Err(BuildError::Missing(venv::missing(directory)));
    };
    let entry = entry(project)?;
    let stage = tempfile::tempdir().map_err(|e| BuildError::io(directory, e))?;
    let module = stage.path().join(format!("{COMPONENT}.py"));
    fs::write(&module, exports(project.kind, &entry)).map_err(|e| BuildError::io(&module, e))?;
    let built = stage.path().join("component.wasm");
    componentize(project, &venv, stage.path(), &built)?;
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

fn componentize(project: &Project, venv: &Venv, stage: &Path, built: &Path) -> Result<(), BuildError> {
    let mut componentize = venv.componentize_py();
    componentize
        .args(["-q", "-w", project.kind.world(), "--full-names", "componentize"])
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

/// The key `entry` of the table `[build]`: a file below `src`, as a module.
fn entry(project: &Project) -> Result<String, BuildError> {
    let manifest = project.directory.join("connector.toml");
    let refuse = |why: &str| Err(BuildError::Project(format!("{}: {why}", manifest.display())));
    let file = match project.build.get("entry") {
        None => format!("{ENTRY}.py"),
        Some(toml::Value::String(file)) => file.clone(),
        Some(_) => return refuse("build.entry: expected a file below src, such as \"app.py\""),
    };
    if let Some(key) = project.build.keys().find(|key| *key != "entry") {
        return refuse(&format!("build.{key}: unknown; a connector in Python has `entry` only"));
    }
    let module = file.strip_suffix(".py").unwrap_or(&file).replace('/', ".");
    let is_module = module.split('.').all(|part| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    });
    if !is_module || !project.directory.join("src").join(&file).is_file() {
        return refuse(&format!(
            "build.entry: src/{file} is not there: name the Python file below src that has the connector's class"
        ));
    }
    Ok(module)
}

/// The module that componentize-py is given: it finds the exported class by this name in it.
fn exports(kind: Kind, entry: &str) -> String {
    let class = match kind {
        Kind::Source => "DanubeConnectorSource010",
        Kind::Sink => "DanubeConnectorSink010",
    };
    format!(
        "import {entry}\nfrom danube_connector import exports\n\n{class} = exports.component(\"{}\", \"{entry}\")\n",
        kind.as_str()
    )
}
