//! What `run` would find on the pipeline's own log: whether it can be opened, and whether its topics and schemas are as the
//! file says. A log that was never made is not made by looking.

use std::path::Path;

use danube_wasm_broker::{Broker as _, embedded::RetentionOptions};
use danube_wasm_config::Pipeline;
use serde_json::Value;

use super::{Finding, Outcome, schema};
use crate::{
    brokers,
    control::{self, Request},
    operations::{self, Operation},
};

/// The log, then each topic that a source of the pipeline makes.
pub(super) async fn check(pipeline: &Pipeline, dir: &Path, findings: &mut Vec<Finding>) {
    let (outcome, Held { topics, schemas }) = match held(pipeline, dir).await {
        Ok(Some(held)) => (Outcome::Reached, held),
        Ok(None) => (Outcome::Awaited("`run` makes it".to_owned()), Held::default()),
        Err(why) => (Outcome::Failed(why), Held::default()),
    };
    let is_known = !matches!(outcome, Outcome::Failed(_));
    findings.push(Finding {
        what: format!("log {}", dir.display()),
        outcome,
    });
    findings.extend(schemas);
    for source in pipeline.sources.iter().filter(|_| is_known) {
        for route in source.routes() {
            let stored = topics.iter().find(|topic| topic["topic"] == route.topic.as_str());
            findings.push(Finding {
                what: format!("{}: publish to {}", source.id, route.topic),
                outcome: topic(stored, route.partitions),
            });
        }
    }
}

/// What the log has.
#[derive(Default)]
struct Held {
    topics: Vec<Value>,
    /// What would become of the schemas that the file declares; nothing where another process has the log open.
    schemas: Vec<Finding>,
}

/// As the process says that has the log open, or as it is in the log.
async fn held(pipeline: &Pipeline, dir: &Path) -> Result<Option<Held>, String> {
    // Where nobody answers, the process may have ended just now.
    if let Ok(Some(response)) = control::ask(&pipeline.data_dir, &Request::Operate(Operation::Topics)).await {
        let topics = response.into_values().map_err(|failure| failure.message)?;
        let schemas = Vec::new();
        return Ok(Some(Held { topics, schemas }));
    }
    if !dir.exists() {
        return Ok(None);
    }
    let log = brokers::open_log(dir, RetentionOptions::unlimited()).await;
    let log = log.map_err(|failure| failure.message)?;
    let topics = operations::perform(&*log, &Operation::Topics).await;
    let mut schemas = Vec::new();
    for declared in schema::of_topics(pipeline) {
        schemas.push(schema::check(declared, log.registry()).await.0);
    }
    let closed = log.close().await;
    let topics = topics.map_err(|failure| failure.message)?;
    closed.map_err(|error| error.message)?;
    Ok(Some(Held { topics, schemas }))
}

fn topic(stored: Option<&Value>, wanted: u32) -> Outcome {
    match stored.map(|topic| topic["partitions"].as_u64().unwrap_or_default()) {
        None => Outcome::Awaited("`run` makes the topic".to_owned()),
        Some(has) if has == u64::from(wanted) => Outcome::Reached,
        Some(has) => Outcome::Failed(format!(
            "the topic has {has} partitions and {wanted} are asked for: say `partitions = {has}`, or use another topic"
        )),
    }
}
