//! Exporters of OpenTelemetry, which send to the process itself, through the proxy.

use std::net::{Ipv4Addr, SocketAddr};

use danube_wasm_testkit::servers;
use serde_json::Value;

use super::{
    Upstream,
    client::Client,
    produce::{event, produce},
};

/// Log records over HTTP. Each is sent until it is taken.
pub struct Exporter {
    /// Where the process listens.
    port: u16,
    proxy: SocketAddr,
}

impl Exporter {
    /// `proxy`: where exporters send to.
    ///
    /// # Errors
    /// Python is not installed.
    pub fn start(proxy: SocketAddr) -> Result<Self, &'static str> {
        servers::python("json").ok_or("Python is not installed: run `make servers`")?;
        let port = servers::free_port();
        Ok(Self { port, proxy })
    }
}

impl Upstream for Exporter {
    const SILENCE_SECS: u64 = 3;
    const KEEPS_ORDER: bool = false;
    const HAS_SCHEMA: bool = false;
    const IS_CONFIRMED: bool = false;
    const READS: &'static str = "listening for OTLP";

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn source(&self, address: SocketAddr, topic: &str) -> String {
        debug_assert_eq!(address, self.proxy, "exporters go the way that fails");
        format!(
            "[[sources]]\nname = \"otlp\"\ncomponent = \"builtin:record-source\"\n[sources.otlp]\nport = {0}\ngrpc_port = {0}\n\
             [sources.otlp.logs]\ndanube_topic = \"{topic}\"\npartitions = 4\n",
            self.port
        )
    }

    fn client(&self) -> Client {
        Client::new(
            produce("json", &["otlp", &self.proxy.port().to_string(), "/v1/logs"]),
            event,
        )
    }

    fn event(&self, row: Value) -> Value {
        let text = row["body"]["stringValue"].as_str();
        text.and_then(|text| text.parse().ok()).unwrap_or(row)
    }

    fn restart(&mut self) -> bool {
        false
    }
}
