//! An operator's operations on a broker: executed by the process that has the broker open, over its control socket, or
//! here if none runs.

use std::path::{Path, PathBuf};

use danube_wasm_broker::{
    Admin, Broker, Gap, SeekReport, SeekTo, SubscriptionInfo, TopicInfo, embedded::RetentionOptions,
};
use danube_wasm_config::{Pipeline, ServiceUrl};
use danube_wasm_model::TopicName;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Failure, assemble,
    brokers::{self, Brokers},
    control::{self, Request},
    unused,
};

/// An operation. Topics are named without their partitions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Lists all topics.
    Topics,
    /// Lists all subscriptions.
    Subscriptions,
    /// Deletes a topic with its messages.
    DeleteTopic {
        /// The topic.
        topic: String,
        /// Also if somebody is reading it or has not read everything.
        force: bool,
    },
    /// Deletes a subscription with its position.
    DeleteSubscription {
        /// The topic.
        topic: String,
        /// The subscription.
        subscription: String,
        /// Also if somebody is reading it or has not read everything.
        force: bool,
    },
    /// Moves a subscription.
    Seek {
        /// The topic.
        topic: String,
        /// The subscription.
        subscription: String,
        /// The new position.
        to: Position,
    },
    /// Lists messages that consumers of the running process were not given.
    Gaps,
    /// Acknowledges that a subscription was not given messages.
    AcknowledgeGaps {
        /// The topic.
        topic: String,
        /// The subscription.
        subscription: String,
    },
}

impl Operation {
    /// Whether only a running process can execute it.
    fn is_for_a_running_process(&self) -> bool {
        matches!(self, Self::Gaps | Self::AcknowledgeGaps { .. })
    }
}

/// A position to move a subscription to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The oldest retained message.
    Earliest,
    /// The next message to be published.
    Latest,
    /// Milliseconds since 1970-01-01 UTC.
    PublishTimeMs(u64),
}

impl From<Position> for SeekTo {
    fn from(position: Position) -> Self {
        match position {
            Position::Earliest => Self::Earliest,
            Position::Latest => Self::Latest,
            Position::PublishTimeMs(ms) => Self::PublishTimeMs(ms),
        }
    }
}

/// Executes an operation where the broker is. `place` is a pipeline file, or the data directory of `danube-wasm
/// broker`.
pub async fn execute(place: &Path, operation: Operation) -> Result<Vec<Value>, Failure> {
    let (data_dir, loaded) = if place.is_dir() {
        (place.to_path_buf(), None)
    } else {
        let loaded = assemble::read_lazily(place)?;
        (loaded.pipeline.data_dir.clone(), Some(loaded))
    };
    let pipeline = loaded.as_ref().map(|loaded| &loaded.pipeline);
    let request = Request::Operate(operation.clone());
    match control::ask(&data_dir, &request).await {
        Ok(Some(response)) => return Ok(mark_unused(response.into_values()?, pipeline, &operation)),
        Ok(None) => {}
        Err(error) => {
            return Err(Failure::internal(format!(
                "the running process did not answer: {error}"
            )));
        }
    }
    if operation.is_for_a_running_process() {
        return Err(Failure::usage(format!(
            "no pipeline runs on {}: only a running one knows what its sinks were not given. What it found before is in its log",
            data_dir.display()
        )));
    }
    let broker = match &loaded {
        Some(loaded) => {
            let pipeline = &loaded.pipeline;
            match &pipeline.service_url {
                ServiceUrl::Embedded { dir } => drop(must_exist(dir.clone())?),
                _ => assemble::require_broker(loaded)?,
            }
            Brokers::open(pipeline).await?.main().clone()
        }
        // Retention is a setting of the broker, which does not run.
        None => {
            let log = must_exist(brokers::log_in(&data_dir))?;
            brokers::open_log(&log, RetentionOptions::unlimited()).await?
        }
    };
    let answer = perform(&*broker, &operation).await;
    let closed = broker.close().await;
    let values = answer?;
    closed.map_err(Failure::internal)?;
    Ok(mark_unused(values, pipeline, &operation))
}

/// Marks the subscriptions of a pipeline's own log that no sink uses.
fn mark_unused(mut values: Vec<Value>, pipeline: Option<&Pipeline>, operation: &Operation) -> Vec<Value> {
    let Some(pipeline) = pipeline.filter(|_| matches!(operation, Operation::Subscriptions)) else {
        return values;
    };
    for value in &mut values {
        let name = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let is_unused = unused::is_unused(pipeline, &name("topic"), &name("subscription"));
        let is_connected = value["consumers"].as_array().is_some_and(|names| !names.is_empty());
        value["unused"] = json!(is_unused && !is_connected);
    }
    values
}

/// Returns the directory if it exists: looking at a log must not create one.
fn must_exist(dir: PathBuf) -> Result<PathBuf, Failure> {
    if dir.exists() {
        return Ok(dir);
    }
    Err(Failure::usage(format!(
        "{} is not there: name a pipeline file that has been run, or the data directory of `danube-wasm broker`",
        dir.display()
    )))
}

/// Executes an operation on a broker that this process has open.
pub async fn perform(broker: &dyn Broker, operation: &Operation) -> Result<Vec<Value>, Failure> {
    match operation {
        Operation::Gaps => return Ok(broker.gaps().iter().map(gap_value).collect()),
        Operation::AcknowledgeGaps { topic, subscription } => {
            let acknowledged = broker.acknowledge_gaps(&parse(topic)?, subscription);
            let messages: u64 = acknowledged.iter().map(Gap::messages).sum();
            tracing::info!(
                topic,
                subscription,
                messages,
                "an operator has acknowledged what the broker skipped"
            );
            return Ok(acknowledged.iter().map(gap_value).collect());
        }
        _ => {}
    }
    let admin = broker.admin().ok_or_else(|| {
        Failure::usage(
            "this broker cannot be asked yet: Danube has these calls on its admin port alone. Write `danube.admin_url = \
             \"http://HOST:50051\"` in the pipeline file; if the broker is `danube-wasm broker`, name its data directory \
             instead of the file",
        )
    })?;
    match operation {
        Operation::Topics => {
            let topics = admin.topics().await.map_err(Failure::from)?;
            Ok(topics.iter().map(topic_value).collect())
        }
        Operation::Subscriptions => {
            let subscriptions = admin.subscriptions().await.map_err(Failure::from)?;
            Ok(subscriptions.iter().map(subscription_value).collect())
        }
        Operation::DeleteTopic { topic, force } => {
            let topic = parse(topic)?;
            if !force {
                refuse_in_use(&*admin, &topic, None).await?;
            }
            admin.delete_topic(&topic).await.map_err(Failure::from)?;
            Ok(vec![json!({ "deleted": topic.as_str() })])
        }
        Operation::DeleteSubscription {
            topic,
            subscription,
            force,
        } => {
            let topic = parse(topic)?;
            if !force {
                refuse_in_use(&*admin, &topic, Some(subscription)).await?;
            }
            admin
                .delete_subscription(&topic, subscription)
                .await
                .map_err(Failure::from)?;
            Ok(vec![json!({ "deleted": subscription, "topic": topic.as_str() })])
        }
        Operation::Seek {
            topic,
            subscription,
            to,
        } => {
            let topic = parse(topic)?;
            let report = admin
                .seek(&topic, subscription, (*to).into())
                .await
                .map_err(Failure::from)?;
            let moved = admin.subscriptions().await.map_err(Failure::from)?;
            let moved = moved
                .iter()
                .filter(|s| s.topic == topic && s.subscription == *subscription);
            Ok(moved.map(|moved| moved_value(moved, &report)).collect())
        }
        Operation::Gaps | Operation::AcknowledgeGaps { .. } => Ok(Vec::new()),
    }
}

/// Refuses if somebody is still reading, or has not read everything, and so would lose messages.
async fn refuse_in_use(admin: &dyn Admin, topic: &TopicName, subscription: Option<&String>) -> Result<(), Failure> {
    let of_it = |s: &&SubscriptionInfo| s.topic == *topic && subscription.is_none_or(|name| s.subscription == *name);
    let all = admin.subscriptions().await.map_err(Failure::from)?;
    let in_use = all
        .iter()
        .filter(of_it)
        .find(|s| s.lag.is_none_or(|lag| lag > 0) || !s.consumers.is_empty());
    match in_use {
        None => Ok(()),
        Some(s) => Err(Failure::usage(format!(
            "subscription `{}` of {topic} has {} messages unread and {} consumers connected, who lose them: add --force to \
             delete it all the same",
            s.subscription,
            s.lag
                .map_or_else(|| "an unknown number of".to_owned(), |lag| lag.to_string()),
            s.consumers.len()
        ))),
    }
}

fn parse(topic: &str) -> Result<TopicName, Failure> {
    topic
        .parse()
        .map_err(|e| Failure::usage(format!("`{topic}` is not a topic: {e}")))
}

fn topic_value(topic: &TopicInfo) -> Value {
    json!({
        "topic": topic.topic.as_str(),
        "partitions": topic.partitions,
        "messages": topic.messages,
        "consumed": topic.consumed,
        "bytes": topic.bytes,
        "subscriptions": topic.subscriptions,
    })
}

fn gap_value(gap: &Gap) -> Value {
    json!({
        "topic": gap.topic.as_str(),
        "subscription": gap.subscription,
        "partition": gap.partition.as_str(),
        "first": gap.first,
        "last": gap.last,
        "messages": gap.messages(),
    })
}

fn subscription_value(subscription: &SubscriptionInfo) -> Value {
    json!({
        "topic": subscription.topic.as_str(),
        "subscription": subscription.subscription,
        "subscription_type": subscription.subscription_type,
        "lag": subscription.lag,
        "consumers": subscription.consumers,
    })
}

fn moved_value(subscription: &SubscriptionInfo, report: &SeekReport) -> Value {
    let mut value = subscription_value(subscription);
    value["read_again"] = json!(report.read_again);
    value["left_out"] = json!(report.left_out);
    value["gone"] = json!(report.gone);
    value["oldest_ms"] = json!(report.oldest_ms);
    value
}
