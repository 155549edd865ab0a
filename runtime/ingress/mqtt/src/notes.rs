//! What is remembered of the broker's session over our own end: which one it is, what is subscribed to in it, and which packet id was
//! which event.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use danube_wasm_model::upstream::{Notebook, UpstreamError};
use serde::{Deserialize, Serialize};

use crate::{
    limits::NOTES_AT_ONCE,
    session::{Changes, Note},
};

const SESSION: &str = "mqtt/session";

/// The broker's session as it is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionNote {
    /// Whose session it is, and where.
    pub(crate) client: String,
    /// Counts the broker's sessions: packet ids of another one mean nothing.
    pub(crate) session: u64,
    /// Counts our processes.
    pub(crate) run: u64,
    /// Everything that is subscribed to in it. None if that is not known: a connection may have got so far and no further.
    pub(crate) subscribed: Option<BTreeSet<String>>,
    /// Whether there has ever been one with subscriptions.
    pub(crate) has_been: bool,
}

/// The notes of one source.
#[derive(Clone)]
pub(crate) struct Notes(Arc<dyn Notebook>);

impl SessionNote {
    /// Of a process that begins.
    fn begin(before: Option<Self>, client: String) -> Self {
        match before {
            Some(before) if before.client == client => Self {
                run: before.run + 1,
                ..before
            },
            before => Self {
                client,
                session: before.as_ref().map_or(0, |note| note.session) + 1,
                run: before.as_ref().map_or(0, |note| note.run) + 1,
                subscribed: None,
                has_been: false,
            },
        }
    }
}

impl Notes {
    pub(crate) fn new(notebook: Arc<dyn Notebook>) -> Self {
        Self(notebook)
    }

    /// What is known of this client's session when a process begins.
    pub(crate) async fn begin(&self, client: String) -> Result<SessionNote, UpstreamError> {
        let before = self.0.get(SESSION).await?;
        // One that cannot be read is another version's.
        let before = before.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(SessionNote::begin(before, client))
    }

    pub(crate) async fn save(&self, note: &SessionNote) -> Result<(), UpstreamError> {
        // It has no keys that are not text, and nothing that can fail.
        let bytes = serde_json::to_vec(note).unwrap_or_default();
        self.0.put(vec![(SESSION.to_owned(), Some(Bytes::from(bytes)))]).await?;
        Ok(())
    }

    /// What a former process noted of a packet id.
    pub(crate) async fn of_packet(&self, packet_id: u16) -> Result<Option<Note>, UpstreamError> {
        let found = self.0.get(&key(packet_id)).await?;
        Ok(found.and_then(Note::from_bytes))
    }

    pub(crate) async fn write(&self, changes: &Changes) -> Result<(), UpstreamError> {
        let gone = changes.gone.iter().map(|packet_id| (key(*packet_id), None));
        let kept = changes
            .kept
            .iter()
            .map(|(packet_id, note)| (key(*packet_id), Some(note.to_bytes())));
        let all: Vec<_> = gone.chain(kept).collect();
        for some in all.chunks(NOTES_AT_ONCE) {
            self.0.put(some.to_vec()).await?;
        }
        Ok(())
    }
}

fn key(packet_id: u16) -> String {
    format!("mqtt/packet/{packet_id}")
}
