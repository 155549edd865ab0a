//! A table in memory: it keeps the id of each row.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use danube_wasm_model::{
    Targets,
    door::{Egress, EgressError, Write, WriteReport},
};
use tokio::sync::watch;

pub(crate) const TABLE: &str = "rows";

pub(crate) struct Rows {
    ids: Mutex<HashSet<String>>,
    count: watch::Sender<usize>,
    targets: Targets,
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self {
            ids: Mutex::default(),
            count: watch::Sender::new(0),
            targets: Targets::from_iter([TABLE]),
        }
    }

    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

#[async_trait]
impl Egress for Rows {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let before = ids.len();
        ids.extend(writes.iter().map(|write| write.id.clone()));
        self.count.send_replace(ids.len());
        Ok(WriteReport {
            unchanged: writes.len() - (ids.len() - before),
            ..WriteReport::default()
        })
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    async fn ready(&self) -> Result<(), EgressError> {
        Ok(())
    }
}
