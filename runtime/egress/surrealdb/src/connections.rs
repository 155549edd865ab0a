//! Which sinks share what.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
};

use danube_wasm_model::door::{Egress as _, EgressError};
use parking_lot::Mutex;

use crate::{SurrealEgress, SurrealOptions, store::Store};

/// Embedded databases by where they are.
///
/// An embedded database has one owner at a time, so every sink that names it shares one [`Store`]. A remote server is
/// another matter: each sink has a connection of its own, so that a large batch of one does not hold up another's.
#[derive(Default)]
pub struct Connections {
    embedded: Mutex<HashMap<Option<PathBuf>, Weak<Store>>>,
}

impl Connections {
    /// None yet. Databases in memory are shared only within one `Connections`; those on disk only can be.
    pub fn new() -> Self {
        Self::default()
    }

    /// An egress that is connected: an embedded database is opened once, however many egresses name it.
    pub async fn connect(&self, options: SurrealOptions) -> Result<Arc<SurrealEgress>, EgressError> {
        let egress = self.egress(options);
        egress.ready().await?;
        Ok(egress)
    }

    /// An egress that connects at its first call.
    pub fn egress(&self, options: SurrealOptions) -> Arc<SurrealEgress> {
        let store = self.store(&options);
        Arc::new(SurrealEgress::on(store, options))
    }

    fn store(&self, options: &SurrealOptions) -> Arc<Store> {
        let fresh = || Arc::new(Store::new(options.url.clone()));
        if !options.url.is_embedded() {
            return fresh();
        }
        let mut embedded = self.embedded.lock();
        embedded.retain(|_, store| store.strong_count() > 0);
        let key = options.url.directory().map(PathBuf::from);
        if let Some(store) = embedded.get(&key).and_then(Weak::upgrade) {
            return store;
        }
        let store = fresh();
        embedded.insert(key, Arc::downgrade(&store));
        store
    }
}
