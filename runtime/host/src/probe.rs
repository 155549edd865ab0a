//! Whether what a pipeline needs can be reached: the brokers, the topics, the schemas, the databases, the ports. What
//! `check --connect` does. It looks and changes nothing, but for what `danube/probe/topics.rs` says; an embedded log or
//! database that is there is opened, and so put in order after a crash.

mod embedded;
mod local;
pub(crate) mod schema;
#[cfg(any(feature = "danube", feature = "nats"))]
pub(crate) mod sizes;

use std::sync::Arc;

use danube_wasm_config::{Component, Pipeline, ServiceUrl};
use danube_wasm_connector::{ProbeContext, States};
use danube_wasm_model::ConnectorId;

use crate::{Failure, danube, nats};

pub use danube_wasm_connector::{Finding, Outcome};

/// Tries everything.
pub async fn everything(pipeline: &Pipeline) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if let ServiceUrl::Embedded { dir } = &pipeline.service_url {
        embedded::check(pipeline, dir, &mut findings).await;
    }
    if !pipeline.service_url.seeds().is_empty() {
        danube::check(pipeline, &mut findings).await?;
    }
    if !pipeline.service_url.nats_servers().is_empty() {
        nats::check(pipeline, &mut findings).await?;
    }
    connectors(pipeline, &mut findings).await;
    local::check(pipeline, &mut findings).await;
    Ok(findings)
}

/// What each connector finds of what it needs. Two that share something find it once.
async fn connectors(pipeline: &Pipeline, findings: &mut Vec<Finding>) {
    let states = Arc::new(States::default());
    let is_running = local::is_running(pipeline).await;
    let context = |id: &ConnectorId, component: &Component| ProbeContext {
        id: id.clone(),
        shared: states.clone(),
        is_builtin: matches!(component, Component::Builtin(_)),
        is_running,
    };
    let mut found = Vec::new();
    for sink in &pipeline.sinks {
        found.extend(sink.connector.probe(context(&sink.id, &sink.component)).await);
    }
    for source in &pipeline.sources {
        found.extend(source.connector.probe(context(&source.id, &source.component)).await);
    }
    for finding in found {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}
