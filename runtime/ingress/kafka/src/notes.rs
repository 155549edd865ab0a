//! What is remembered of what the group has committed: where it has forgotten that, something is lost.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_model::upstream::{Notebook, UpstreamError};
use serde::{Deserialize, Serialize};

use crate::{consumer::Partition, limits::NOTES_AT_ONCE};

const PREFIX: &str = "kafka/offset/";

/// A partition had this committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// By whom.
    pub(crate) group: String,
    /// In which life of the topic.
    pub(crate) generation: u16,
    /// The offset to go on from.
    pub(crate) offset: i64,
}

/// The notes of one source.
#[derive(Clone)]
pub(crate) struct Notes {
    notebook: Arc<dyn Notebook>,
    group: String,
    generation: u16,
}

impl Notes {
    pub(crate) fn new(notebook: Arc<dyn Notebook>, group: String, generation: u16) -> Self {
        Self {
            notebook,
            group,
            generation,
        }
    }

    /// What this group has committed in the topics' present life, by the names of the partitions.
    pub(crate) async fn read(&self) -> Result<HashMap<String, i64>, UpstreamError> {
        let all = self.notebook.scan(PREFIX).await?;
        let each = all.into_iter().filter_map(|(key, bytes)| {
            // One that cannot be read is another version's.
            let note: Note = serde_json::from_slice(&bytes).ok()?;
            let is_ours = note.group == self.group && note.generation == self.generation;
            is_ours.then(|| (key[PREFIX.len()..].to_owned(), note.offset))
        });
        Ok(each.collect())
    }

    /// Notes these.
    pub(crate) async fn write(&self, offsets: &[(Partition, i64)]) -> Result<(), UpstreamError> {
        for some in offsets.chunks(NOTES_AT_ONCE) {
            let entries = some.iter().map(|(partition, offset)| {
                let note = Note {
                    group: self.group.clone(),
                    generation: self.generation,
                    offset: *offset,
                };
                // It has no keys that are not text, and nothing that can fail.
                let bytes = serde_json::to_vec(&note).unwrap_or_default();
                (format!("{PREFIX}{partition}"), Some(Bytes::from(bytes)))
            });
            self.notebook.put(entries.collect()).await?;
        }
        Ok(())
    }
}
