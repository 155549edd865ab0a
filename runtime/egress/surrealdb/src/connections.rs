//! The databases of a host, and which sinks share one.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
};

use danube_wasm_model::door::{Egress as _, EgressError};
use parking_lot::Mutex;

use crate::{SurrealEgress, SurrealOptions, store::Store};

/// Embedded databases by directory.
///
/// An embedded database can be opened only once, so all sinks that name it share one [`Store`]. For a remote server
/// each sink has its own connection, so that a large batch of one does not delay another's.
#[derive(Default)]
pub struct Connections {
    embedded: Mutex<HashMap<Option<PathBuf>, Weak<Store>>>,
}

impl Connections {
    /// Starts with no databases. A database in memory is shared only within one `Connections`, and one on disk can be
    /// open in only one of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an egress that is connected. An embedded database is opened once, however many egresses use it.
    pub async fn connect(&self, options: SurrealOptions) -> Result<Arc<SurrealEgress>, EgressError> {
        let egress = self.egress(options);
        egress.ready().await?;
        Ok(egress)
    }

    /// Returns an egress that connects at its first call.
    pub fn egress(&self, options: SurrealOptions) -> Arc<SurrealEgress> {
        let store = self.store(&options);
        Arc::new(SurrealEgress::new(store, options))
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
