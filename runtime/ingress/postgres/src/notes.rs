//! What is remembered of the slot over our own end: whose it is, and how far it was confirmed.

use std::sync::Arc;

use bytes::Bytes;
use danube_wasm_model::upstream::{Notebook, UpstreamError};
use serde::{Deserialize, Serialize};

use crate::lsn::Lsn;

const POSITION: &str = "postgres/position";

/// How far a slot was confirmed. Written before the server is told, so that no slot that only we have read is ahead of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Identifier of the cluster.
    pub(crate) system: String,
    /// Its timeline then.
    pub(crate) timeline: u32,
    /// The slot.
    pub(crate) slot: String,
    /// Everything up to here is durable.
    pub(crate) lsn: Lsn,
    /// What is read of it.
    #[serde(default)]
    pub(crate) progress: Progress,
    /// Where snapshots were taken of which rows may have been delivered, the last one last.
    #[serde(default)]
    pub(crate) snapshots: Vec<Lsn>,
}

/// How far a source is with its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Progress {
    /// It is about to be made for a snapshot, and nothing is read.
    Begun,
    /// Rows of a snapshot are read, and not all of them are durable.
    Rows {
        /// Where the first one began, if it was taken more than once.
        since: Lsn,
    },
    /// Changes are read.
    #[default]
    Changes,
}

/// The notes of one source.
#[derive(Clone)]
pub(crate) struct Notes(Arc<dyn Notebook>);

impl Notes {
    pub(crate) fn new(notebook: Arc<dyn Notebook>) -> Self {
        Self(notebook)
    }

    /// What is known of the slot with this name.
    pub(crate) async fn of_slot(&self, slot: &str) -> Result<Option<Note>, UpstreamError> {
        let Some(bytes) = self.0.get(POSITION).await? else {
            return Ok(None);
        };
        let unreadable = |error: serde_json::Error| UpstreamError::Configuration {
            message: format!(
                "the note of the slot's last position cannot be read ({error}): another version of this program wrote it"
            ),
        };
        let note: Note = serde_json::from_slice(&bytes).map_err(unreadable)?;
        // With another slot the source begins anew.
        Ok(Some(note).filter(|note| note.slot == slot))
    }

    pub(crate) async fn save(&self, note: &Note) -> Result<(), UpstreamError> {
        // It has no keys that are not text, and nothing that can fail.
        let bytes = serde_json::to_vec(note).unwrap_or_default();
        self.0
            .put(vec![(POSITION.to_owned(), Some(Bytes::from(bytes)))])
            .await?;
        Ok(())
    }
}
