//! Pauses and resumes a connector of the running pipeline.

use std::time::Duration;

use danube_wasm_config::Pipeline;
use danube_wasm_model::ConnectorId;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{Failure, launcher::Services};

/// Longest wait until the connector says that it is paused: what it has in its hands is not waited for.
const SHOWN_MAX: Duration = Duration::from_secs(10);

/// Pauses or resumes, and returns the connector's state when it has become so.
pub(super) async fn set_paused(
    services: &Services,
    pipeline: &Pipeline,
    connector: &str,
    paused: bool,
) -> Result<Vec<Value>, Failure> {
    let id = find(pipeline, connector)?;
    let mut changes = services.changes.subscribe();
    let changed = services.pauses.set(&id, paused)?;
    // What does not run shows it when it does.
    let is_shown = |state: &str| match state {
        "running" | "degraded" | "down" => !paused,
        "paused" => paused,
        _ => true,
    };
    let shown = changes.wait_for(|_| state(services, &id).as_deref().is_none_or(is_shown));
    let _ = timeout(SHOWN_MAX, shown).await;
    if changed {
        let what = if paused { "paused" } else { "resumed" };
        tracing::info!(connector = %id, "an operator has {what} the connector");
    }
    Ok(vec![json!({
        "connector": id.as_str(),
        "paused": paused,
        "changed": changed,
        "state": state(services, &id),
    })])
}

fn state(services: &Services, id: &ConnectorId) -> Option<String> {
    let health = services.health.connectors();
    health.get(id.as_str()).map(|health| health.state.to_owned())
}

/// The connector with this name, or this full id.
pub(crate) fn find(pipeline: &Pipeline, connector: &str) -> Result<ConnectorId, Failure> {
    let mut all = pipeline.connectors();
    let found = all.find(|id| id.connector() == connector || id.as_str() == connector);
    found.cloned().ok_or_else(|| {
        let names: Vec<_> = pipeline.connectors().map(|id| id.connector().to_owned()).collect();
        Failure::usage(format!(
            "pipeline `{}` has no connector `{connector}`: it has {}",
            pipeline.name,
            names.join(", ")
        ))
    })
}
