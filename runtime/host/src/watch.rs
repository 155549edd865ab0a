//! Monitors the broker, its lags and the spools once a second.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use danube_wasm_broker::Broker;
use danube_wasm_broker_spool::SpoolStatus;
use danube_wasm_config::Pipeline;
use danube_wasm_model::{ConnectorId, clock};
use danube_wasm_pipeline::failpoints::{self, FailPoint};
use danube_wasm_telemetry::{Health, HealthHandle, Metrics, health::State};
use tokio::sync::watch;

use crate::launcher::{ConnectorLauncher, Services};

const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps health and metrics up to date. `pipeline` is the current one: if all its connectors have a spool, the process
/// is ready without the broker.
pub(crate) async fn watch(launcher: ConnectorLauncher, pipeline: watch::Receiver<Arc<Pipeline>>) {
    let Services {
        brokers,
        metrics,
        health,
        rates,
        ..
    } = launcher.services();
    let part = health.part("broker");
    let mut spools = BTreeMap::new();
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    let mut away = None;
    loop {
        ticks.tick().await;
        let now = brokers.main().ready().await.err().map(|error| error.to_string());
        if now != away {
            match &now {
                Some(why) => tracing::warn!(%why, "the broker is away"),
                None => tracing::info!("the broker is there"),
            }
            away = now;
        }
        part.set(match &away {
            Some(why) if !is_buffered(&pipeline.borrow()) => State::Degraded(why.clone()),
            _ => State::Ready,
        });
        if let Ok(lags) = brokers.main().lag().await {
            metrics.set_lags(
                lags.iter()
                    .map(|l| (l.topic.as_str(), l.subscription.as_str(), l.messages)),
            );
        }
        if brokers.is_embedded() {
            show_topics(brokers.main(), metrics).await;
        }
        rates.measure(metrics, health.connectors().keys());
        brokers.close_unwanted().await;
        let open = brokers.spools().await;
        spools.retain(|id, _| {
            let is_open = open.iter().any(|(other, _)| other == id);
            if !is_open {
                metrics.remove_spool(id);
            }
            is_open
        });
        for (id, status) in open {
            let age_ms = status
                .oldest_ms
                .map_or(0, |oldest| clock::now_ms().saturating_sub(oldest));
            metrics.set_spool(
                &id,
                status.bytes,
                status.records,
                status.refused,
                Duration::from_millis(age_ms),
            );
            report_spool(&id, status, health, &mut spools);
        }
        failpoints::reach(FailPoint::Watched);
    }
}

/// Updates the metrics of topics. Keeps the old values while the log is down.
async fn show_topics(broker: &Arc<dyn Broker>, metrics: &Metrics) {
    let Some(admin) = broker.admin() else { return };
    let Ok(topics) = admin.topics().await else { return };
    let values = topics.iter().map(|info| {
        let values = [info.messages, info.consumed, info.bytes];
        (info.topic.as_str(), values.map(Option::unwrap_or_default))
    });
    metrics.set_topics(values);
}

/// Whether every connector can run without the broker for a while.
fn is_buffered(pipeline: &Pipeline) -> bool {
    pipeline.sources.iter().all(|source| source.buffer.is_some())
        && pipeline.sinks.iter().all(|sink| sink.buffer.is_some())
}

/// Logs changes of a spool's status, and shows a full spool in health.
fn report_spool(
    id: &ConnectorId,
    status: SpoolStatus,
    health: &Health,
    spools: &mut BTreeMap<ConnectorId, (SpoolStatus, HealthHandle)>,
) {
    let (before, part) = spools
        .entry(id.clone())
        .or_insert_with(|| (SpoolStatus::default(), health.part(format!("{id} (spool)"))));
    if status.troubles != before.troubles {
        for (topic, why) in &status.troubles {
            tracing::warn!(connector = %id, topic, %why, records = status.records, bytes = status.bytes, "the spool waits");
        }
        if status.troubles.is_empty() {
            tracing::info!(connector = %id, records = status.records, "nothing is in the spool's way any more");
        }
    }
    if status.holding != before.holding && !status.holding.is_empty() {
        tracing::warn!(connector = %id, topics = status.holding.join(", "), "the target does not keep up: messages go by way of the disk");
    }
    if status.refused > before.refused {
        tracing::error!(connector = %id, refused = status.refused, "the broker will never accept records that were confirmed: they are kept on this disk, set aside");
    }
    part.set(if status.full {
        State::Degraded(format!(
            "the spool is full: {} of {} bytes",
            status.bytes, status.bytes_max
        ))
    } else {
        State::Ready
    });
    *before = status;
}
