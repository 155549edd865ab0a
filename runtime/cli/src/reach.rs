//! Whether what a pipeline needs can be reached: the brokers, the topics, the databases. What `check --connect` does.

use danube_wasm_broker::{Broker as _, BrokerError, ErrorKind, TopicSpec};
use danube_wasm_broker_danube::{Danube, Poison};
use danube_wasm_config::{Endpoint, Pipeline, Sink, SurrealUrl};
use danube_wasm_egress_surrealdb::Connections;
use danube_wasm_model::{TopicName, door::Egress as _};
use serde::Serialize;

use crate::{brokers, exit::Failure, settings};

/// One thing that was tried.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What was tried.
    pub(crate) what: String,
    /// What is in the way, and what to do; `None` if nothing is.
    pub(crate) problem: Option<String>,
    /// Whether the pipeline would wait for it and go on by itself.
    pub(crate) passes: bool,
}

impl Finding {
    fn of(what: String, result: Result<(), BrokerError>) -> Self {
        let passes = result.as_ref().is_err_and(|error| error.kind == ErrorKind::NotFound);
        Self {
            what,
            problem: result.err().map(|error| error.message),
            passes,
        }
    }
}

/// Tries everything.
pub(crate) async fn everything(pipeline: &Pipeline) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if !pipeline.service_url.seeds().is_empty() {
        let danube = brokers::open_danube(pipeline)?;
        for (seed, result) in danube.check().await {
            findings.push(Finding::of(format!("broker {seed}"), result));
        }
        // Without a broker, each topic would only say the same again.
        if findings.iter().any(|finding| finding.problem.is_none()) {
            topics(pipeline, &danube, &mut findings).await;
        }
        let _ = danube.close().await;
    }
    for sink in &pipeline.sinks {
        if matches!(sink.surrealdb.url, SurrealUrl::Remote(_)) {
            findings.push(database(sink).await?);
        }
    }
    Ok(findings)
}

async fn topics(pipeline: &Pipeline, danube: &Danube, findings: &mut Vec<Finding>) {
    for source in &pipeline.sources {
        for endpoint in &source.webhook.endpoints {
            let spec = spec(pipeline, danube, endpoint).await;
            let result = danube.check_publish(&endpoint.topic, spec).await;
            findings.push(Finding::of(
                format!("{}: publish to {}", source.id, endpoint.topic),
                result,
            ));
        }
    }
    for sink in &pipeline.sinks {
        for mapping in &sink.surrealdb.topic_mappings {
            let result = danube.check_consume(&mapping.topic).await;
            findings.push(Finding::of(format!("{}: consume {}", sink.id, mapping.topic), result));
            if pipeline.danube.admin_url.is_some() {
                findings.push(patience(danube, sink, &mapping.topic, &mapping.subscription).await);
            }
        }
    }
}

/// Whether the broker gives up a message before its target is back: without a buffer, that stops the subscription or loses
/// the message.
async fn patience(danube: &Danube, sink: &Sink, topic: &TopicName, subscription: &str) -> Finding {
    let what = format!(
        "{}: failure policy of subscription `{subscription}` of {topic}",
        sink.id
    );
    let policy = match danube.failure_policy(topic, subscription).await {
        Ok(policy) => policy,
        Err(error) => return Finding::of(what, Err(error)),
    };
    let problem = policy.filter(|_| sink.buffer.is_none()).and_then(|policy| {
        let outcome = match policy.poison {
            Poison::Block => "then gives nothing more of that partition",
            Poison::Drop => "then drops it",
            _ => return None,
        };
        Some(format!(
            "Danube gives a message {} times, {} s apart or more, and {outcome}: a database that is away for minutes is enough. \
             Give the sink a `buffer = {{ type = \"disk\", max_bytes = … }}`, or the subscription another policy with danube-admin",
            policy.max_redelivery_count + 1,
            policy.ack_timeout.as_secs()
        ))
    });
    Finding {
        what,
        problem,
        passes: false,
    }
}

/// The topic as `run` would make it. A subject that is not registered yet is registered by `run`, and not by looking.
async fn spec(pipeline: &Pipeline, danube: &Danube, endpoint: &Endpoint) -> TopicSpec {
    let declared = pipeline.schema_of(&endpoint.topic).map(|schema| schema.subject.clone());
    let schema_subject = match declared {
        Some(subject) => match danube.registry().latest(&subject).await {
            Ok(Some(_)) => Some(subject),
            _ => None,
        },
        None => None,
    };
    TopicSpec {
        partitions: endpoint.partitions,
        reliable_dispatch: endpoint.reliable_dispatch,
        ordered: endpoint.ordered,
        schema_subject,
    }
}

async fn database(sink: &Sink) -> Result<Finding, Failure> {
    let egress = Connections::shared().egress(settings::surreal_options(sink)?);
    let problem = egress.ready().await.err().map(|error| error.to_string());
    let _ = egress.close().await;
    Ok(Finding {
        what: format!("{}: database {}", sink.id, sink.surrealdb.url),
        problem,
        passes: false,
    })
}
