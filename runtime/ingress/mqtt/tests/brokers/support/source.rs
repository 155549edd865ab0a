//! The source of this suite: its tables, and what its metrics tell.

use danube_wasm_connector::Finding;
use danube_wasm_ingress_mqtt::MqttSource;
use danube_wasm_model::ConnectorId;
pub(crate) use danube_wasm_source_harness::{Log, Process, Record, texts_once};

use danube_wasm_source_harness::TestedSource;

pub(crate) const TOPIC: &str = "/plant/readings";
const SOURCE: TestedSource = TestedSource::of::<MqttSource>("plant", TOPIC);

pub(crate) fn new_log() -> Log {
    Log::new(SOURCE)
}

/// One that takes records of so many bytes.
pub(crate) fn narrow_log(record_bytes_max: usize) -> Log {
    Log::narrow(SOURCE, record_bytes_max)
}

/// The usual table: everything below `plant/`, with this QoS.
pub(crate) fn table(port: u16, qos: u8, more: &str) -> String {
    format!(
        "url = \"mqtt://127.0.0.1:{port}\"\nclient_id = \"test-plant\"\n{more}\n\
         routes = [{{ filter = \"plant/#\", danube_topic = \"{TOPIC}\", qos = {qos} }}]\n"
    )
}

/// The log of this directory.
pub(crate) fn log_at(dir: &std::path::Path) -> Log {
    Log::at(SOURCE, dir)
}

/// As [`table`], over WebSocket.
pub(crate) fn websocket_table(port: u16, qos: u8, more: &str) -> String {
    table(port, qos, more).replace("mqtt://", "ws://")
}

/// Who the source is.
pub(crate) fn id() -> ConnectorId {
    SOURCE.id()
}

/// What `check --connect` finds.
pub(crate) async fn probe(table: &str) -> Vec<Finding> {
    SOURCE.probe(table).await
}

pub(crate) trait MqttProcess {
    /// Waits until it has connected so many times, and is subscribed.
    async fn subscribed(&self, connections: usize);
}

impl MqttProcess for Process {
    async fn subscribed(&self, connections: usize) {
        let name = "danube_wasm_mqtt_connections_total";
        self.until_sum("it is subscribed", name, "", |sum| sum >= connections)
            .await;
    }
}
