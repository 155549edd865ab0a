//! Whether the Danube cluster of a pipeline, its topics and its schemas can be reached.

mod failure_policy;
mod namespaces;
mod topics;

use danube_wasm_broker::{Broker as _, BrokerError, ErrorKind};
use danube_wasm_broker_danube::Danube;
use danube_wasm_config::Pipeline;
use danube_wasm_model::Mapping;

use super::options;
use crate::{
    Failure,
    probe::{Finding, Outcome, schema, sizes},
};

/// Tries the brokers that the pipeline names, and what it needs of them.
pub(crate) async fn check(pipeline: &Pipeline, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let options = options(pipeline);
    let record_bytes_max = options.message_bytes_max;
    let danube = Danube::open(options).map_err(Failure::configuration)?;
    let mut is_any_reached = false;
    for (seed, result) in danube.check().await {
        is_any_reached |= result.is_ok();
        findings.push(Finding {
            what: format!("broker {seed}"),
            outcome: outcome(result),
        });
    }
    // Without a broker, each topic would only say the same again.
    if is_any_reached {
        look_around(pipeline, &danube, findings).await;
        findings.extend(sizes::of_events(pipeline, record_bytes_max));
    }
    let _ = danube.close().await;
    Ok(())
}

fn outcome(result: Result<(), BrokerError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Reached,
        Err(error) => Outcome::Failed(error.message),
    }
}

async fn look_around(pipeline: &Pipeline, danube: &Danube, findings: &mut Vec<Finding>) {
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
