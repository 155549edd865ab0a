//! `connector.toml`: what a connector's folder says of itself.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{BuildError, Kind, Language};

/// The file's name.
pub(crate) const MANIFEST: &str = "connector.toml";

/// A connector's folder.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder.
    pub directory: PathBuf,
    /// The connector's name: lower-case letters, digits and `-`.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// What it is written in.
    pub language: Language,
    /// The table `[build]`: keys of the language.
    pub build: toml::Table,
    /// Where the component is put instead of in the folder.
    pub output: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    connector: Connector,
    #[serde(default)]
    build: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Connector {
    name: String,
    kind: Kind,
    language: Language,
}

impl Project {
    /// Reads the folder's `connector.toml`.
    ///
    /// # Errors
    /// [`BuildError::Project`] with file and line if it is not there or wrong.
    pub fn read(directory: &Path) -> Result<Self, BuildError> {
        let file = directory.join(MANIFEST);
        let at = |why: &dyn std::fmt::Display| BuildError::Project(format!("{}: {why}", file.display()));
        let text = std::fs::read_to_string(&file).map_err(|e| at(&e))?;
        let Manifest { connector, build } = toml::from_str(&text).map_err(|e| at(&e))?;
        if !is_name(&connector.name) {
            return Err(at(&format!("name: `{}` is {NOT_A_NAME}", connector.name)));
        }
        Ok(Self {
            directory: directory.to_owned(),
            name: connector.name,
            kind: connector.kind,
            language: connector.language,
            build,
            output: None,
        })
    }

    /// Where the component is put: [`Self::output`], else `target/NAME.wasm` in the folder. Its directory is there.
    ///
    /// # Errors
    /// [`BuildError::Io`] if the directory cannot be made.
    pub fn component(&self) -> Result<PathBuf, BuildError> {
        if let Some(output) = &self.output {
            return Ok(output.clone());
        }
        let target = self.directory.join("target");
        std::fs::create_dir_all(&target).map_err(|e| BuildError::io(&target, e))?;
        Ok(target.join(format!("{}.wasm", self.name)))
    }
}

/// What is said of a name that [`is_name`] refuses.
pub(crate) const NOT_A_NAME: &str = "not a name: use 1 to 63 lower-case letters, digits and `-`, a letter first";

/// Whether it is a name in every language: also of a crate, a package and a module.
pub(crate) fn is_name(text: &str) -> bool {
    let letters = text
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    letters && ends && text.len() <= 63
}
