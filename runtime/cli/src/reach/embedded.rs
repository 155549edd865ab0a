//! What `run` would find on the pipeline's own log: whether it can be opened, and whether its topics are as the file
//! says. A log that was never made is not made by looking.

use std::path::Path;

use danube_wasm_broker::{Broker as _, embedded::RetentionOptions};
use danube_wasm_config::Pipeline;
use serde_json::Value;

use super::{Finding, Outcome};
use crate::{
    brokers,
    control::{self, Request, Response},
    operate::{self, Operation},
};

/// The log, then each topic that a source of the pipeline makes.
pub(super) async fn check(pipeline: &Pipeline, dir: &Path, findings: &mut Vec<Finding>) {
    let (outcome, topics) = match topics(pipeline, dir).await {
        Ok(Some(topics)) => (Outcome::Reached, topics),
        Ok(None) => (Outcome::Awaited("`run` makes it".to_owned()), Vec::new()),
        Err(why) => (Outcome::Failed(why), Vec::new()),
    };
    let is_known = !matches!(outcome, Outcome::Failed(_));
    findings.push(Finding {
        what: format!("log {}", dir.display()),
        outcome,
    });
    for source in pipeline.sources.iter().filter(|_| is_known) {
        for endpoint in &source.webhook.endpoints {
            let stored = topics.iter().find(|topic| topic["topic"] == endpoint.topic.as_str());
            findings.push(Finding {
                what: format!("{}: publish to {}", source.id, endpoint.topic),
                outcome: topic(stored, endpoint.partitions),
            });
        }
    }
}

/// As the process says that has the log open, or as they are in the log.
async fn topics(pipeline: &Pipeline, dir: &Path) -> Result<Option<Vec<Value>>, String> {
    match control::ask(&pipeline.data_dir, &Request::Operate(Operation::Topics)).await {
        Ok(Some(Response::Values(topics))) => return Ok(Some(topics)),
        Ok(Some(Response::Error(message))) => return Err(message),
        // It may have ended just now.
        Ok(None) | Err(_) => {}
    }
    if !dir.exists() {
        return Ok(None);
    }
    let log = brokers::open_log(dir, RetentionOptions::unlimited()).await;
    let log = log.map_err(|failure| failure.message)?;
    let topics = operate::perform(&*log, &Operation::Topics).await;
    let closed = log.close().await;
    let topics = topics.map_err(|failure| failure.message)?;
    closed.map_err(|error| error.message)?;
    Ok(Some(topics))
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
