//! Whether what a pipeline needs can be reached: the brokers, the topics, the databases. What `check --connect` does.

use danube_wasm_broker::{Broker as _, BrokerError, ErrorKind, TopicSpec};
use danube_wasm_broker_danube::{Danube, Poison};
use danube_wasm_config::{Endpoint, Pipeline, Sink, SurrealUrl, TopicMapping};
use danube_wasm_egress_surrealdb::Connections;
use danube_wasm_model::door::Egress as _;
use serde::Serialize;

use crate::{brokers, exit::Failure, settings};

/// One thing that was tried.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What was tried.
    pub(crate) what: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What came of it. The text says what is in the way and what to do.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Reached,
    /// Not there yet; `run` waits for it and goes on by itself.
    Awaited(String),
    /// Nothing here can tell.
    Unknown(String),
    Failed(String),
}

impl Finding {
    fn of(what: String, result: Result<(), BrokerError>) -> Self {
        let outcome = match result {
            Ok(()) => Outcome::Reached,
            Err(error) if error.kind == ErrorKind::NotFound => Outcome::Awaited(error.message),
            Err(error) => Outcome::Failed(error.message),
        };
        Self { what, outcome }
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
        if findings
            .iter()
            .any(|finding| matches!(finding.outcome, Outcome::Reached))
        {
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
            // A buffer outlasts any policy.
            if sink.buffer.is_none() {
                findings.push(patience(pipeline, danube, sink, mapping).await);
            }
        }
    }
}

/// Whether the broker gives up a message before its target is back: without a buffer, that stops the subscription or loses
/// the message.
async fn patience(pipeline: &Pipeline, danube: &Danube, sink: &Sink, mapping: &TopicMapping) -> Finding {
    let TopicMapping {
        topic, subscription, ..
    } = mapping;
    let what = format!(
        "{}: failure policy of subscription `{subscription}` of {topic}",
        sink.id
    );
    if pipeline.danube.admin_url.is_none() {
        let why = format!(
            "only Danube's admin API tells it: set `danube.admin_url`. As Danube is delivered, a partition stands still once a \
             message of it was given 6 times, which takes a database that is away for some minutes; a sink with a \
             {BUFFER} outlasts that"
        );
        let outcome = Outcome::Unknown(why);
        return Finding { what, outcome };
    }
    let policy = match danube.failure_policy(topic, subscription).await {
        Ok(policy) => policy,
        Err(error) => return Finding::of(what, Err(error)),
    };
    let consequence = policy.and_then(|policy| match policy.poison {
        Poison::Block => Some((policy, "then gives nothing more of that partition")),
        Poison::Drop => Some((policy, "then drops it")),
        _ => None,
    });
    let outcome = match consequence {
        None => Outcome::Reached,
        Some((policy, then)) => Outcome::Failed(format!(
            "Danube gives a message {} times, {} s apart or more, and {then}: a database that is away for minutes is enough. \
             Give the sink a {BUFFER}, or the subscription another policy with danube-admin",
            policy.max_redelivery_count + 1,
            policy.ack_timeout.as_secs()
        )),
    };
    Finding { what, outcome }
}

/// The cure for an impatient broker, as it is written in a pipeline file.
const BUFFER: &str = "`buffer = { type = \"disk\", max_bytes = … }`";

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
    let outcome = match egress.ready().await {
        Ok(()) => Outcome::Reached,
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let _ = egress.close().await;
    Ok(Finding {
        what: format!("{}: database {}", sink.id, sink.surrealdb.url),
        outcome,
    })
}
