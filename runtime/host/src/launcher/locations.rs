//! Addresses of running sources.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use danube_wasm_connector::Ingress;
use danube_wasm_model::ConnectorId;

/// The running sources.
#[derive(Default)]
pub(crate) struct Locations(Mutex<HashMap<ConnectorId, Weak<dyn Ingress>>>);

impl Locations {
    /// Adds a running source.
    pub(super) fn insert(&self, source: &ConnectorId, ingress: &Arc<dyn Ingress>) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|_, ingress| ingress.strong_count() > 0);
        sources.insert(source.clone(), Arc::downgrade(ingress));
    }

    /// Returns the address of an endpoint of a source, if the source runs.
    pub(crate) fn get(&self, source: &ConnectorId, endpoint: &str) -> Option<String> {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ingress = sources.get(source)?.upgrade()?;
        Some(ingress.location(endpoint))
    }
}
