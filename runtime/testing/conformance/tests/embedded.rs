//! The suite on the embedded log.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{
    Broker,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_conformance::{Capabilities, Harness, conformance_tests};
use parking_lot::Mutex;

/// A log in a directory. One process uses it at a time, so all handles are the same.
struct Embedded {
    directory: tempfile::TempDir,
    broker: Mutex<Arc<EmbeddedBroker>>,
}

impl Embedded {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let broker = Mutex::new(open(directory.path()));
        Self { directory, broker }
    }
}

fn open(directory: &std::path::Path) -> Arc<EmbeddedBroker> {
    EmbeddedBroker::open(directory, EmbeddedOptions::default()).expect("opens")
}

#[async_trait]
impl Harness for Embedded {
    async fn open(&self) -> Arc<dyn Broker> {
        self.broker.lock().clone()
    }

    async fn restart(&self) -> bool {
        let running = self.broker.lock().clone();
        running.close().await.expect("closes");
        *self.broker.lock() = open(self.directory.path());
        true
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::embedded_log()
    }
}

conformance_tests!(Some(Embedded::start()));
