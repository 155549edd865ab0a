//! Apache Kafka, one node, on a second listener that is told to clients as the proxy.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use danube_wasm_testkit::servers;
use tokio::runtime::Runtime;

use super::{
    NAME, Upstream,
    client::Client,
    produce::{event, produce},
};

#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../../ingress/kafka/tests/kafka/support/client.rs"]
mod own_client;
#[allow(dead_code, reason = "shared with the source's own tests, which use the rest of it")]
#[path = "../../../../ingress/kafka/tests/kafka/support/server.rs"]
mod server;

/// A broker at work.
pub struct Kafka {
    server: Arc<server::Kafka>,
    runtime: Runtime,
    port: u16,
}

impl Kafka {
    /// `told`: where it sends the process under test.
    ///
    /// # Errors
    /// It is not installed.
    pub fn start(told: SocketAddr) -> Result<Self, &'static str> {
        let runtime = Runtime::new().expect("a runtime");
        let port = servers::free_port();
        let lines = format!(
            "listeners=PLAINTEXT://127.0.0.1:PORT,TOLD://127.0.0.1:{port},CONTROLLER://127.0.0.1:CTRL\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:PORT,TOLD://{told}\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,TOLD:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=PLAINTEXT"
        );
        let server = runtime.block_on(server::Kafka::start(&lines));
        let server = server.ok_or("Kafka is not installed: run `make servers`")?;
        runtime.block_on(own_client::create(&server.brokers(), NAME, 3));
        Ok(Self { server, runtime, port })
    }
}

impl Upstream for Kafka {
    const SILENCE_SECS: u64 = 6;
    const KEEPS_ORDER: bool = true;
    const READS: &'static str = "subscribed";

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn source(&self, address: SocketAddr, topic: &str) -> String {
        format!(
            "[[sources]]\nname = \"kafka\"\ncomponent = \"builtin:record-source\"\n[sources.kafka]\nbrokers = [\"{address}\"]\n\
             group = \"danube\"\nsession_timeout_ms = {}\ndrain_timeout_ms = 3000\n[[sources.kafka.routes]]\ntopic = \"{NAME}\"\n\
             value = \"json\"\ndanube_topic = \"{topic}\"\npartitions = 4\n",
            Self::SILENCE_SECS * 1000
        )
    }

    fn client(&self) -> Client {
        let brokers = self.server.brokers();
        let port = brokers.rsplit(':').next().expect("a port");
        Client::new(produce("confluent_kafka", &["kafka", port, NAME]), event)
    }

    fn restart(&mut self) -> bool {
        self.server.kill();
        self.runtime.block_on(self.server.restart());
        true
    }
}
