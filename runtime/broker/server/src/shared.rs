//! State shared by all services.

use std::sync::Arc;

use danube_wasm_broker::embedded::EmbeddedBroker;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    options::ServerOptions,
    sessions::{Consumers, Producers},
};

/// See the module.
pub(crate) struct ServerState {
    pub(crate) broker: Arc<EmbeddedBroker>,
    pub(crate) options: ServerOptions,
    pub(crate) producers: Producers,
    pub(crate) consumers: Consumers,
    /// Held while a schema, or a topic's use of it, is compared with the stored one and then changed.
    pub(crate) schemas: Mutex<()>,
    /// The server is stopping.
    pub(crate) stopping: CancellationToken,
}

impl ServerState {
    pub(crate) fn new(broker: Arc<EmbeddedBroker>, options: ServerOptions, stopping: CancellationToken) -> Self {
        let mut random = [0; 8];
        // Without randomness an id of an earlier run could be taken for one of this run; that is rare.
        let first_id = match getrandom::fill(&mut random) {
            Ok(()) => u64::from_le_bytes(random) >> 2,
            Err(_) => danube_wasm_model::clock::now_ms(),
        };
        Self {
            broker,
            options,
            producers: Producers::new(first_id),
            consumers: Consumers::new(first_id),
            schemas: Mutex::new(()),
            stopping,
        }
    }
}
