//! Who registered a version of a schema, when, and why: stored beside the log's own registry, which does not use it.

use danube_wasm_broker::embedded::NoteKind;
use danube_wasm_model::clock;
use serde::{Deserialize, Serialize};
use tonic::Status;

use crate::{limits::DETAILS_BYTES_MAX, shared::ServerState, status};

/// See the module. Empty for a version that was registered in this process.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SchemaDetails {
    pub(super) description: String,
    pub(super) created_by: String,
    /// Seconds since 1970, as Danube has it.
    pub(super) created_at: u64,
    pub(super) tags: Vec<String>,
}

impl SchemaDetails {
    pub(super) fn now(description: String, created_by: String, tags: Vec<String>) -> Result<Self, Status> {
        let bytes = description.len() + created_by.len() + tags.iter().map(|tag| tag.len() + 4).sum::<usize>();
        if bytes > DETAILS_BYTES_MAX {
            return Err(Status::invalid_argument(format!(
                "description, author and tags have {bytes} bytes; this broker keeps {DETAILS_BYTES_MAX}"
            )));
        }
        Ok(Self {
            description,
            created_by,
            created_at: clock::now_ms() / 1000,
            tags,
        })
    }

    pub(super) async fn store(&self, server: &ServerState, subject: &str, version: u32) -> Result<(), Status> {
        let text = serde_json::to_string(self).map_err(|e| Status::internal(e.to_string()))?;
        let kept = server
            .broker
            .set_note(NoteKind::SchemaDetails, &name(subject, version), &text)
            .await;
        kept.map_err(status::from_error)
    }

    pub(super) async fn load(server: &ServerState, subject: &str, version: u32) -> Result<Self, Status> {
        let kept = server
            .broker
            .note(NoteKind::SchemaDetails, &name(subject, version))
            .await;
        let kept = kept.map_err(status::from_error)?;
        Ok(kept
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }
}

fn name(subject: &str, version: u32) -> String {
    format!("{subject}/{version}")
}
