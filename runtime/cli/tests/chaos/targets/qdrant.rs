//! Qdrant's engine, behind gRPC.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;
use tokio::runtime::Runtime;

use super::{NAME, Target, document_sink, mapping, with_vector};

#[allow(dead_code, reason = "shared with the sink's own tests, which use the rest of it")]
#[path = "../../../../egress/qdrant/tests/qdrant/support/server.rs"]
mod server;

/// An engine at work.
pub struct Qdrant {
    server: server::Server,
    runtime: Runtime,
}

impl Qdrant {
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self, &'static str> {
        let server = server::Server::engine(&[]).ok_or("Qdrant's engine is not installed: run `make servers`")?;
        let runtime = Runtime::new().expect("a runtime");
        Ok(Self { server, runtime })
    }
}

impl Target for Qdrant {
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.server.port()).into()
    }

    fn sink(&self, address: SocketAddr, topic: &str) -> String {
        let lines = format!(
            "collection = \"{NAME}\"\nvector_pointer = \"/metadata/vector\"\nvector_dimension = 2\ndistance = \"Euclid\""
        );
        let server = format!("[sinks.qdrant]\nurl = \"http://{address}\"\n");
        document_sink("qdrant") + &server + &mapping("qdrant", topic, &lines)
    }

    fn rows(&self) -> Vec<Value> {
        let points = self.runtime.block_on(self.server.points(NAME));
        let row = |point: server::Point| {
            let numbers = point.vector.as_array().expect("a vector").iter();
            let numbers: Vec<u64> = numbers.map(|n| n.as_f64().expect("a number") as u64).collect();
            with_vector(point.payload, numbers.into())
        };
        points.into_values().map(row).collect()
    }

    fn restart(&mut self) -> bool {
        self.server.restart();
        true
    }
}
