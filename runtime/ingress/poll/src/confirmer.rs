//! Makes the state of confirmed pages durable.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::upstream::{Confirmer, Notebook, Position, StreamId, UpstreamError};
use parking_lot::Mutex;

use crate::pages::Pages;

/// Prefix of the keys of notes that are the component's state.
pub(crate) const STATE: &str = "state/";

/// See the module.
pub(crate) struct StateKeeper {
    pub(crate) pages: Arc<Mutex<Pages>>,
    pub(crate) notebook: Arc<dyn Notebook>,
}

#[async_trait]
impl Confirmer for StateKeeper {
    async fn confirm(&self, _: &StreamId, _: u64, upto: Position) -> Result<(), UpstreamError> {
        let page = u64::try_from(upto.get()).unwrap_or(u64::MAX);
        let changes = self.pages.lock().changes_until(page);
        if changes.is_empty() {
            return Ok(());
        }
        let notes = changes.into_iter().map(|(key, value)| (format!("{STATE}{key}"), value));
        self.notebook.put(notes.collect()).await?;
        self.pages.lock().settle(page);
        Ok(())
    }
}
