//! A connector's folder: `connector.toml`, and where its component and its cases are.

use std::path::{Path, PathBuf};

use danube_wasm_sandbox::Role;
use serde::Deserialize;

use super::{Mistakes, unknown};

/// The file that makes a folder a connector's.
const MANIFEST: &str = "connector.toml";
/// The folder of cases.
const CASES: &str = "cases";

/// What is to be tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The component.
    pub component: PathBuf,
    /// The folder of its cases.
    pub cases: PathBuf,
    /// What `connector.toml` says that it is.
    pub role: Option<Role>,
    /// The file that says so.
    pub manifest: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    connector: Connector,
}

#[derive(Deserialize)]
struct Connector {
    name: String,
    kind: String,
}

impl Project {
    /// Of a component, or of a connector's folder.
    pub fn find(place: &Path) -> Result<Self, Mistakes> {
        let component = component_of(place)?;
        match place.is_dir() {
            true => Ok(Self {
                role: manifest(place)?.1,
                cases: place.join(CASES),
                manifest: place.join(MANIFEST),
                component,
            }),
            false => Ok(Self {
                cases: cases_beside(place),
                role: None,
                manifest: PathBuf::new(),
                component,
            }),
        }
    }
}

/// The component of a folder with `connector.toml`, or the file itself.
pub fn component_of(place: &Path) -> Result<PathBuf, Mistakes> {
    let mut mistakes = Mistakes::default();
    if place.is_file() {
        return Ok(place.to_owned());
    }
    if !place.is_dir() {
        mistakes.add(place, 0, "is not there: name a connector's folder or a component");
        return Err(mistakes);
    }
    let name = manifest(place)?.0;
    let component = place.join("target").join(format!("{name}.wasm"));
    if !component.is_file() {
        let built = place.display();
        mistakes.add(
            &component,
            0,
            format!("is not there: run `danube-wasm build {built}` first"),
        );
        return Err(mistakes);
    }
    Ok(component)
}

/// The name and the role of the connector of a folder.
fn manifest(directory: &Path) -> Result<(String, Option<Role>), Mistakes> {
    let file = directory.join(MANIFEST);
    let mut mistakes = Mistakes::default();
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            let cure =
                "name the component, as `danube-wasm test FILE.wasm`, or a folder that `danube-wasm new` has made";
            mistakes.add(&file, 0, format!("cannot be read ({error}): {cure}"));
            return Err(mistakes);
        }
    };
    let Manifest { connector } = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let message = error.message();
        mistakes.add(
            &file,
            line,
            format!("{message}; it needs a table `connector` with `name` and `kind`"),
        );
        mistakes.clone()
    })?;
    let role = match connector.kind.as_str() {
        "source" | "poller" => Role::Source,
        "sink" => Role::Sink,
        other => {
            mistakes.add(&file, 0, unknown("kind", other, &["source", "poller", "sink"]));
            return Err(mistakes);
        }
    };
    Ok((connector.name, Some(role)))
}

/// `cases` beside a component, beside the `target` that it is in, or here.
fn cases_beside(component: &Path) -> PathBuf {
    let beside = component.ancestors().skip(1).take(2).map(|folder| folder.join(CASES));
    let found = beside.into_iter().find(|folder| folder.is_dir());
    found.unwrap_or_else(|| PathBuf::from(CASES))
}
