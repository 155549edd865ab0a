//! Whether what a pipeline needs can be reached: the brokers, the topics, the schemas, the databases, the ports. What
//! `check --connect` does. It looks and changes nothing, but for what `topics` says; an embedded log or database that is there
//! is opened, and so put in order after a crash.

mod embedded;
mod failure_policy;
mod local;
mod namespaces;
mod schema;
mod topics;

use std::sync::Arc;

use danube_wasm_broker::{Broker as _, BrokerError, ErrorKind};
use danube_wasm_broker_danube::Danube;
use danube_wasm_config::{Component, Pipeline, ServiceUrl};
use danube_wasm_connector::{ProbeContext, States};
use danube_wasm_model::{ConnectorId, Mapping};

use crate::{Failure, brokers};

pub use danube_wasm_connector::{Finding, Outcome};

fn outcome(result: Result<(), BrokerError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Reached,
        Err(error) => Outcome::Failed(error.message),
    }
}

/// Tries everything.
pub async fn everything(pipeline: &Pipeline) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if let ServiceUrl::Embedded { dir } = &pipeline.service_url {
        embedded::check(pipeline, dir, &mut findings).await;
    }
    if !pipeline.service_url.seeds().is_empty() {
        let danube = brokers::open_danube(pipeline)?;
        for (seed, result) in danube.check().await {
            findings.push(Finding {
                what: format!("broker {seed}"),
                outcome: outcome(result),
            });
        }
        // Without a broker, each topic would only say the same again.
        if findings
            .iter()
            .any(|finding| matches!(finding.outcome, Outcome::Reached))
        {
            cluster(pipeline, &danube, &mut findings).await;
        }
        let _ = danube.close().await;
    }
    connectors(pipeline, &mut findings).await;
    local::check(pipeline, &mut findings).await;
    Ok(findings)
}

async fn cluster(pipeline: &Pipeline, danube: &Danube, findings: &mut Vec<Finding>) {
    let namespaces = namespaces::Namespaces::ask(pipeline, danube, findings).await;
    let mut registered = Vec::new();
    for declared in schema::of_topics(pipeline) {
        let (finding, is_there) = schema::check(declared, danube.registry()).await;
        if is_there {
            registered.push(&declared.subject);
        }
        findings.push(finding);
    }
    for source in &pipeline.sources {
        for route in source.routes() {
            let spec = topics::spec(pipeline, &route, &registered);
            findings.push(Finding {
                what: format!("{}: publish to {}", source.id, route.topic),
                outcome: topics::publish(danube, &route.topic, spec, &namespaces).await,
            });
        }
    }
    for sink in &pipeline.sinks {
        for Mapping { consumer, .. } in sink.mappings() {
            findings.push(Finding {
                what: format!("{}: consume {}", sink.id, consumer.topic),
                outcome: topics::consume(danube, &consumer.topic, &namespaces).await,
            });
            // A buffer outlasts any policy.
            if sink.buffer.is_none() {
                findings.push(failure_policy::check(pipeline, danube, sink, &consumer).await);
            }
        }
    }
}

fn is_missing(error: &BrokerError) -> bool {
    error.kind == ErrorKind::NotFound
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
