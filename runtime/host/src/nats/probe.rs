//! Whether NATS, what it promises, and the topics of a pipeline can be reached. Makes nothing.

use danube_wasm_broker::{Broker as _, BrokerError, ErrorKind};
use danube_wasm_broker_nats::Nats;
use danube_wasm_config::Pipeline;
use danube_wasm_model::{Mapping, TopicName};

use super::options;
use crate::{
    Failure,
    probe::{Finding, Outcome, schema, sizes},
};

/// Tries the servers, and what the pipeline needs of them.
pub(crate) async fn check(pipeline: &Pipeline, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let nats = Nats::open(options(pipeline)).map_err(Failure::configuration)?;
    let what = format!("broker {}", pipeline.service_url);
    match nats.probe().await {
        Err(error) => findings.push(Finding {
            what,
            outcome: Outcome::Failed(error.message),
        }),
        Ok(promises) => {
            findings.push(Finding {
                what: format!("{what} (NATS {})", promises.version),
                outcome: Outcome::Reached,
            });
            let warnings = promises.warnings.into_iter().map(|warning| Finding {
                what: "what NATS promises".to_owned(),
                outcome: Outcome::Unknown(warning),
            });
            findings.extend(warnings);
            findings.extend(sizes::of_events(pipeline, promises.record_bytes_max));
            look_around(pipeline, &nats, findings).await;
        }
    }
    let _ = nats.close().await;
    Ok(())
}

async fn look_around(pipeline: &Pipeline, nats: &Nats, findings: &mut Vec<Finding>) {
    for declared in schema::of_topics(pipeline) {
        findings.push(schema::check(declared, nats.registry()).await.0);
    }
    for source in &pipeline.sources {
        for route in source.routes() {
            findings.push(Finding {
                what: format!("{}: publish to {}", source.id, route.topic),
                outcome: topic(nats, &route.topic).await,
            });
        }
    }
    for sink in &pipeline.sinks {
        for Mapping { consumer, .. } in sink.mappings() {
            findings.push(Finding {
                what: format!("{}: consume {}", sink.id, consumer.topic),
                outcome: topic(nats, &consumer.topic).await,
            });
        }
    }
}

/// A topic that is not there is made when the pipeline starts.
async fn topic(nats: &Nats, topic: &TopicName) -> Outcome {
    match nats.probe_topic(topic).await {
        Ok(()) => Outcome::Reached,
        Err(BrokerError {
            kind: ErrorKind::NotFound,
            ..
        }) => Outcome::Awaited("`run` makes the topic".to_owned()),
        Err(error) => Outcome::Failed(error.message),
    }
}
