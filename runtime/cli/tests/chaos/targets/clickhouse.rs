//! ClickHouse's own engine, behind HTTP.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::{NAME, Target, document_sink, mapping, with_vector};

#[allow(dead_code, reason = "shared with the sink's own tests, which use the rest of it")]
#[path = "../../../../egress/clickhouse/tests/clickhouse/support/server.rs"]
mod server;

/// An engine with a table of payments.
pub struct ClickHouse(server::Server);

const TABLE: &str = "CREATE TABLE default.payments (id String, event String, amount UInt64, currency String, timestamp UInt64, \
    customer_id String, vector Array(UInt32), _order UInt64, _deleted UInt8) \
    ENGINE = ReplacingMergeTree(_order, _deleted) ORDER BY id";

const ROWS: &str = "SELECT event, amount, currency, timestamp, customer_id, vector FROM default.payments FINAL \
    FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0";

impl ClickHouse {
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self, &'static str> {
        let server = server::Server::start(None).ok_or("ClickHouse's engine is not installed: run `make servers`")?;
        let clickhouse = Self(server);
        clickhouse.run(TABLE);
        Ok(clickhouse)
    }

    fn run(&self, query: &str) -> String {
        let client = reqwest::blocking::Client::new();
        let answer = client.post(&self.0.url).body(query.to_owned()).send();
        let answer = answer.and_then(reqwest::blocking::Response::error_for_status);
        answer.and_then(|answer| answer.text()).expect("ClickHouse answers")
    }
}

impl Target for ClickHouse {
    fn address(&self) -> SocketAddr {
        let port = self.0.url.rsplit(':').next().and_then(|port| port.parse().ok());
        (Ipv4Addr::LOCALHOST, port.expect("a port")).into()
    }

    fn sink(&self, address: SocketAddr, topic: &str) -> String {
        let lines = format!(
            "table = \"{NAME}\"\nid_column = \"id\"\nunknown_fields = \"drop\"\n\
             columns = [{{ pointer = \"/metadata/vector\", column = \"vector\" }}]"
        );
        let server = format!("[sinks.clickhouse]\nurl = \"http://{address}\"\ndatabase = \"default\"\n");
        document_sink("clickhouse") + &server + &mapping("clickhouse", topic, &lines)
    }

    fn rows(&self) -> Vec<Value> {
        let text = self.run(ROWS);
        let rows = text.lines().map(|line| serde_json::from_str(line).expect("a row"));
        rows.map(|mut row: Value| {
            let vector = row["vector"].take();
            row["metadata"] = json!({});
            with_vector(row, vector)
        })
        .collect()
    }

    /// Its files are those of the engine's process, at another port each time.
    fn restart(&mut self) -> bool {
        false
    }
}
