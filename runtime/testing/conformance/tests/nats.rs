//! The suite on NATS JetStream: on one server, and on three as a cluster.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::Broker;
use danube_wasm_broker_nats::{Nats, NatsOptions};
use danube_wasm_conformance::{Capabilities, Harness, within};
use danube_wasm_testkit::nats::NatsServer;
use tokio::sync::Mutex;

/// Servers of a case.
struct Servers {
    _directory: tempfile::TempDir,
    servers: Mutex<Vec<NatsServer>>,
    options: NatsOptions,
}

impl Servers {
    /// Says so if there is no executable.
    async fn start(number: usize) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let servers = match number {
            1 => vec![NatsServer::start(directory.path(), "")?],
            _ => NatsServer::start_cluster(directory.path(), number, "")?,
        };
        let mut options = NatsOptions::new(servers.iter().map(NatsServer::url));
        options.monitoring = servers.iter().map(NatsServer::monitoring_url).collect();
        (options.replicas, options.accept_loss) = match number {
            1 => (1, true),
            _ => (3, false),
        };
        // However loaded the machine is: no record fails for that.
        options.publish_timeout = std::time::Duration::from_secs(60);
        options.request_timeout = std::time::Duration::from_secs(60);
        // A topic of the least size: three of them share a disk.
        options.topic_bytes_max = 1 << 30;
        Some(Self {
            _directory: directory,
            servers: Mutex::new(servers),
            options,
        })
    }
}

#[async_trait]
impl Harness for Servers {
    async fn open(&self) -> Arc<dyn Broker> {
        let nats = Nats::open(self.options.clone()).expect("opens");
        within(async {
            while nats.check_promises().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
        .await;
        nats
    }

    /// `kill -9` of all of them, and all of them again.
    async fn restart(&self) -> bool {
        let mut servers = self.servers.lock().await;
        servers.iter_mut().for_each(NatsServer::kill);
        servers.iter_mut().for_each(NatsServer::run);
        true
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::nats(self.options.replicas)
    }
}

mod one {
    danube_wasm_conformance::conformance_tests!(super::Servers::start(1).await);
}

mod three {
    danube_wasm_conformance::conformance_tests!(super::Servers::start(3).await);
}
