//! Creates topics, and caches how they are published to.
//!
//! A Danube broker has no call to create a topic on its client port: a topic is created by its first producer. So a
//! producer is opened on each partition, from the last to the first, so that an incomplete topic can be distinguished
//! from one with fewer partitions.

use std::{collections::HashMap, sync::Arc, time::Instant};

use danube_wasm_broker::{Backoff, BrokerError, ErrorKind, Result, TopicSpec};
use danube_wasm_model::TopicName;
use parking_lot::RwLock;

use crate::{fault::Fault, limits::MAKING_PAUSE, partitions::Layout, publish::ProducerSession, shared::Shared};

/// Name of the producer that creates topics. Sharing it with other processes is harmless: they get the same producer.
const TOPIC_CREATOR: &str = "danube-wasm-topics";

/// How topics are published to.
#[derive(Debug, Default)]
pub(crate) struct Topics(RwLock<HashMap<TopicName, Arc<TopicSpec>>>);

impl Topics {
    pub(crate) fn get(&self, topic: &TopicName) -> Option<Arc<TopicSpec>> {
        self.0.read().get(topic).cloned()
    }

    /// Removes a deleted topic.
    pub(crate) fn remove(&self, topic: &TopicName) {
        self.0.write().remove(topic);
    }

    fn insert(&self, topic: &TopicName, spec: TopicSpec) -> Arc<TopicSpec> {
        let spec = Arc::new(spec);
        self.0.write().insert(topic.clone(), spec.clone());
        spec
    }
}

/// Creates the topic, or confirms one that exists. A cluster assigns a new topic to a broker before it can be used, and
/// answers `Unavailable` meanwhile: this waits for that.
pub(crate) async fn create(shared: &Shared, topic: &TopicName, spec: TopicSpec) -> Result<()> {
    let found = shared.layout(topic).await.map_err(Fault::into_error)?;
    let wanted = spec.partitions;
    match found.complete() {
        _ if found == Layout::Missing || found.is_partial_creation_of(wanted) => {}
        Some(there) if there == wanted => {}
        there => return Err(partition_conflict(topic, &found, there, wanted)),
    }
    let names: Vec<TopicName> = match wanted {
        0 => vec![topic.clone()],
        n => (0..n).rev().map(|i| topic.partition(i)).collect(),
    };
    let deadline = Instant::now() + shared.options.assign_timeout;
    for name in names {
        open_one(shared, &name, &spec, deadline).await?;
    }
    shared.topics.insert(topic, spec);
    Ok(())
}

async fn open_one(shared: &Shared, partition: &TopicName, spec: &TopicSpec, deadline: Instant) -> Result<()> {
    let mut backoff = Backoff::new(shared.options.retry_floor);
    loop {
        let opened = match ProducerSession::open(shared, partition, TOPIC_CREATOR, spec).await {
            // A broker that creates a topic does not check its schema; it checks that of the next producer.
            Ok(_) if spec.schema_subject.is_some() => {
                ProducerSession::open(shared, partition, TOPIC_CREATOR, spec).await
            }
            opened => opened,
        };
        match opened {
            Ok(_) => return Ok(()),
            // If the cluster is unreachable the caller retries; if it is assigning this topic, this does.
            Err(Fault::Lost(error) | Fault::Missing(error)) if !is_assigning(&error) => return Err(error),
            Err(Fault::Refused(error)) => return Err(error),
            Err(fault) => {
                let wait = backoff.next(shared.options.retry_ceiling);
                if Instant::now() + wait > deadline {
                    return Err(fault.into_error());
                }
                tracing::debug!(topic = %partition, why = %fault.error(), "the topic is being made");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// The layout of a topic, once it is complete: waits for one that is being created, within limits.
pub(crate) async fn wait_until_complete(shared: &Shared, topic: &TopicName) -> Result<Layout> {
    let deadline = Instant::now() + shared.options.assign_timeout;
    loop {
        let layout = shared.layout(topic).await.map_err(Fault::into_error)?;
        let Layout::Partitioned(there) = &layout else {
            return Ok(layout);
        };
        if layout.complete().is_some() {
            return Ok(layout);
        }
        if Instant::now() + MAKING_PAUSE > deadline {
            let waited_ms = shared.options.assign_timeout.as_millis();
            tracing::warn!(%topic, ?there, waited_ms, "partitions of this topic are missing in between, and nobody makes them: those that are there are consumed. Start a source that publishes to it, or delete the topic and make it again");
            return Ok(layout);
        }
        tracing::debug!(%topic, ?there, "the topic is being made");
        tokio::time::sleep(MAKING_PAUSE).await;
    }
}

fn is_assigning(error: &BrokerError) -> bool {
    error.message.contains("redo the lookup") || error.message.contains("redo the Lookup")
}

fn partition_conflict(topic: &TopicName, found: &Layout, there: Option<u32>, wanted: u32) -> BrokerError {
    let has = match (there, found) {
        (Some(0), _) => "no partitions".to_owned(),
        (Some(n), _) => format!("{n} partitions"),
        (None, Layout::Partitioned(numbers)) => format!("partitions {numbers:?} with others missing in between"),
        (None, _) => "none".to_owned(),
    };
    BrokerError::new(
        ErrorKind::Conflict,
        format!(
            "topic {topic} is there with {has}, not with {wanted}: set `partitions` to what it has, or use another topic"
        ),
    )
}

/// How to publish to a topic: as it was created from here, else as it exists.
pub(crate) async fn resolve(shared: &Shared, topic: &TopicName) -> Result<Arc<TopicSpec>, Fault> {
    if let Some(spec) = shared.topics.get(topic) {
        return Ok(spec);
    }
    let found = shared.layout(topic).await?;
    let partitions = match (&found, found.complete()) {
        (Layout::Missing, _) => {
            return Err(Fault::refused(
                ErrorKind::NotFound,
                format!("topic {topic} does not exist: create it before publishing to it"),
            ));
        }
        (_, Some(n)) => n,
        (_, None) => {
            let message = format!("topic {topic} is being made: some of its partitions are missing");
            return Err(Fault::lost(message));
        }
    };
    let name = match partitions {
        0 => topic.clone(),
        _ => topic.partition(0),
    };
    // Brokers do not report how a topic dispatches; they refuse producers that declare otherwise.
    let mut spec = TopicSpec {
        partitions,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    match ProducerSession::open(shared, &name, TOPIC_CREATOR, &spec).await {
        Ok(_) => {}
        Err(Fault::Refused(error)) if error.kind == ErrorKind::Conflict => {
            spec.reliable_dispatch = false;
            ProducerSession::open(shared, &name, TOPIC_CREATOR, &spec).await?;
        }
        Err(fault) => return Err(fault),
    }
    Ok(shared.topics.insert(topic, spec))
}
