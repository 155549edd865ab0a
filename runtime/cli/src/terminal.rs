//! What a person at a terminal sees of a running pipeline: where everything is, then one live line.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use danube_wasm_broker::Broker;
use danube_wasm_config::Pipeline;
use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::Metrics;
use tokio::task::JoinHandle;

use crate::letters::SUBSCRIPTION;

/// How often the live line is written anew.
const REFRESH: Duration = Duration::from_secs(1);

/// Prints the pipeline's addresses and connectors.
pub(crate) fn announce(pipeline: &Pipeline, listening: &[(ConnectorId, SocketAddr)], admin: SocketAddr) {
    eprintln!("danube-wasm {} · pipeline {}", env!("CARGO_PKG_VERSION"), pipeline.name);
    for source in &pipeline.sources {
        let address = listening
            .iter()
            .find(|(id, _)| *id == source.id)
            .map(|(_, address)| *address);
        for endpoint in &source.webhook.endpoints {
            let scheme = if source.webhook.tls.is_some() { "https" } else { "http" };
            let at = address.map_or_else(|| source.webhook.listen.to_string(), |a| a.to_string());
            eprintln!(
                "  {:<12} {scheme}://{at}{} → {}",
                source.id.connector(),
                endpoint.path,
                endpoint.topic
            );
        }
    }
    for sink in &pipeline.sinks {
        for mapping in &sink.surrealdb.topic_mappings {
            eprintln!(
                "  {:<12} {} → {} of {}",
                sink.id.connector(),
                mapping.topic,
                mapping.table,
                sink.surrealdb.url
            );
        }
    }
    eprintln!("  {:<12} http://{admin}/metrics, http://{admin}/health/ready", "admin");
}

/// Writes the live line until it is dropped.
pub(crate) struct Live(JoinHandle<()>);

impl Live {
    /// `None` where nobody watches.
    pub(crate) fn start(metrics: Arc<Metrics>, broker: Arc<dyn Broker>) -> Option<Self> {
        let watched = std::io::stderr().is_terminal();
        watched.then(|| Self(tokio::spawn(run(metrics, broker))))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.abort();
        eprintln!();
    }
}

async fn run(metrics: Arc<Metrics>, broker: Arc<dyn Broker>) {
    let mut ticks = tokio::time::interval(REFRESH);
    let mut before = metrics.totals();
    loop {
        ticks.tick().await;
        let now = metrics.totals();
        let lag: u64 = broker
            .lag()
            .await
            .unwrap_or_default()
            .iter()
            // Dead letters wait for an operator.
            .filter(|lag| lag.subscription != SUBSCRIPTION)
            .map(|lag| lag.messages)
            .sum();
        eprint!(
            "\r\x1b[2K{:.0}/s in · {:.0}/s done · lag {lag} · {} failed · {} dead letters",
            now.received - before.received,
            now.processed - before.processed,
            now.failed,
            now.dead_letters
        );
        drop(std::io::stderr().flush());
        before = now;
    }
}
