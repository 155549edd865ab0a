//! A Delta Lake table in S3, which `deltalake` reads.

use std::net::{Ipv4Addr, SocketAddr};

use danube_wasm_testkit::servers;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{NAME, Target, document_sink, mapping};
use crate::harness::root;

#[allow(dead_code, reason = "shared with the sink's own tests, which use the rest of it")]
#[path = "../../../../egress/delta/tests/delta/support/s3.rs"]
mod s3;

/// A bucket of `moto`.
pub struct Delta {
    server: std::sync::Arc<s3::S3>,
    /// Of this one alone: tests of a process share the server.
    table: String,
}

impl Delta {
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self, &'static str> {
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime.block_on(s3::start());
        Ok(Self {
            server: server.ok_or("moto is not installed: run `make servers`")?,
            table: format!("s3://bucket/{NAME}-{:x}", rand::random::<u64>()),
        })
    }
}

impl Target for Delta {
    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.server.port).into()
    }

    fn sink(&self, address: SocketAddr, topic: &str) -> String {
        let table = format!(
            "[sinks.delta]\n{}\n[[sinks.delta.tables]]\nname = \"{NAME}\"\nurl = \"{}\"\ncreate = true\nrest_column = \"rest\"\n\
             field_mappings = [\n\
             {{ pointer = \"/event\", column = \"event\", type = \"string\" }},\n\
             {{ pointer = \"/amount\", column = \"amount\", type = \"long\" }},\n\
             {{ pointer = \"/currency\", column = \"currency\", type = \"string\" }},\n\
             {{ pointer = \"/timestamp\", column = \"timestamp\", type = \"long\" }},\n\
             {{ pointer = \"/customer_id\", column = \"customer_id\", type = \"string\" }},\n]\n",
            s3::storage(address.port()),
            self.table
        );
        let lines = format!("table = \"{NAME}\"\nflush_interval_ms = 200");
        document_sink("delta") + &table + &mapping("delta", topic, &lines)
    }

    /// None while there is no table yet.
    fn rows(&self) -> Vec<Value> {
        let endpoint = format!("http://127.0.0.1:{}", self.server.port);
        let options: serde_json::Map<String, Value> = s3::options(&endpoint)
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into_iter()
            .collect();
        let mut python = servers::python("deltalake").expect("the reader of tables");
        python
            .arg(root().join("runtime/egress/delta/tests/servers/reader.py"))
            .args([&self.table, &Value::Object(options).to_string()]);
        let output = python.output().expect("python");
        let read: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| json!({"rows": []}));
        let rows = read["rows"].as_array().expect("rows").iter();
        rows.map(|row| {
            let mut row = row.clone();
            let rest: Value = row["rest"]
                .as_str()
                .and_then(|rest| rest.parse().ok())
                .unwrap_or_default();
            row["metadata"] = rest["metadata"].clone();
            row
        })
        .collect()
    }

    /// It has all in memory.
    fn restart(&mut self) -> bool {
        false
    }
}
