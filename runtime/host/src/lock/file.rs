//! The lock as a file.

use std::{fs, io, path::PathBuf};

use danube_wasm_config::{LOCK_FILE, Pipeline};
use danube_wasm_model::ConnectorId;
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::{Failure, durable_file};

/// The version of the form. Version 1 had neither digests of built-in components nor contracts.
const VERSION: u32 = 2;
/// The first lines.
const HEADER: &str = "# Written by `danube-wasm approve`: which components may run here, and what they are granted. Keep it with the\n\
                      # pipeline file.\n\n";

/// What every version has.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LockFile {
    version: u32,
    #[serde(default)]
    connectors: Vec<Asked>,
}

impl LockFile {
    /// The lock of a pipeline, if it has one.
    pub(super) fn read(pipeline: &Pipeline) -> Result<Option<Self>, Failure> {
        let path = path(pipeline);
        let wrong = |why: String| Failure::configuration(format!("the lock {}: {why}", path.display()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(format!("it cannot be read: {error}"))),
        };
        let unknown = |error: toml::de::Error| {
            wrong(format!(
                "it is not one that `danube-wasm approve` has written ({}); restore it, or approve anew without it",
                error.message()
            ))
        };
        // First, because a later version may have more keys.
        let Form { version } = toml::from_str(&text).map_err(unknown)?;
        if !(1..=VERSION).contains(&version) {
            return Err(wrong(format!(
                "it has version {version}, and this program knows {VERSION}: use the program that wrote it"
            )));
        }
        toml::from_str(&text).map(Some).map_err(unknown)
    }

    /// What is approved of a connector.
    pub(super) fn find(&self, id: &ConnectorId) -> Option<&Asked> {
        let name = id.to_string();
        self.connectors.iter().find(|asked| asked.connector == name)
    }

    /// Names the component that an approved connector has now; what it is granted stays. Whether that is a change.
    pub(super) fn follow(&mut self, asked: &Asked) -> bool {
        let mut approved = self.connectors.iter_mut();
        let Some(approved) = approved.find(|approved| approved.connector == asked.connector) else {
            return false;
        };
        let followed = Asked {
            digest: asked.digest.clone(),
            contract: asked.contract.clone(),
            ..approved.clone()
        };
        let changed = followed != *approved;
        *approved = followed;
        changed
    }

    /// Puts these in place of all of their pipeline; those of other pipelines in the directory stay.
    pub(super) fn replace(&mut self, pipeline: &str, asked: Vec<Asked>) {
        let prefix = format!("{pipeline}/");
        self.connectors.retain(|kept| !kept.connector.starts_with(&prefix));
        self.connectors.extend(asked);
        self.connectors.sort_by(|a, b| a.connector.cmp(&b.connector));
    }

    /// Writes it: as a whole, or not at all.
    pub(super) fn write(mut self, pipeline: &Pipeline) -> Result<(), Failure> {
        self.version = VERSION;
        let path = path(pipeline);
        let failed =
            |why: String| Failure::configuration(format!("the lock {} cannot be written: {why}", path.display()));
        let text = toml::to_string(&self).map_err(|error| failed(error.to_string()))?;
        let content = format!("{HEADER}{text}");
        durable_file::replace(&path, content.as_bytes()).map_err(|error| failed(error.to_string()))
    }
}

fn path(pipeline: &Pipeline) -> PathBuf {
    pipeline.dir.join(LOCK_FILE)
}
