//! The lock as a file.

use std::{fs, io, path::PathBuf};

use danube_wasm_config::{LOCK_FILE, Pipeline};
use danube_wasm_model::ConnectorId;
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::Failure;

/// The version of the form.
const VERSION: u32 = 1;
/// The first lines.
const HEADER: &str = "# Written by `danube-wasm approve`: which components may run here, and what they are granted. Keep it with the\n\
                      # pipeline file.\n\n";

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
        let lock: Self = toml::from_str(&text).map_err(|error| {
            wrong(format!(
                "it is not one that `danube-wasm approve` has written ({}); restore it, or approve anew without it",
                error.message()
            ))
        })?;
        match lock.version {
            VERSION => Ok(Some(lock)),
            other => Err(wrong(format!(
                "it has version {other}, and this program knows {VERSION}: use the program that wrote it"
            ))),
        }
    }

    /// What is approved of a connector.
    pub(super) fn find(&self, id: &ConnectorId) -> Option<&Asked> {
        let name = id.to_string();
        self.connectors.iter().find(|asked| asked.connector == name)
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
        let beside = path.with_extension("lock.new");
        fs::write(&beside, format!("{HEADER}{text}")).map_err(|error| failed(error.to_string()))?;
        fs::rename(&beside, &path).map_err(|error| failed(error.to_string()))
    }
}

fn path(pipeline: &Pipeline) -> PathBuf {
    pipeline.dir.join(LOCK_FILE)
}
