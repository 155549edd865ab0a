//! Topic names on the wire: see "Topics and partitions" in the crate's documentation.

use danube_wasm_broker::{Broker, TopicSpec, embedded::EmbeddedBroker};
use danube_wasm_model::TopicName;
use tonic::Status;

use crate::status;

/// Partitions are numbered below this.
const PARTITIONS_MAX: u32 = 1024;

/// A topic without partitions, or one partition of a topic: what producers and consumers use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TopicPartition {
    /// The topic in the log.
    pub(crate) topic: TopicName,
    pub(crate) partition: Option<u32>,
    /// Its name on the wire.
    pub(crate) name: TopicName,
}

/// Reads a topic's name.
pub(crate) fn parse(text: &str) -> Result<TopicName, Status> {
    text.parse()
        .map_err(|e: danube_wasm_model::topic::InvalidTopic| Status::invalid_argument(e.to_string()))
}

/// Finds an existing topic or partition.
pub(crate) fn find_existing(broker: &EmbeddedBroker, text: &str) -> Result<TopicPartition, Status> {
    let name = parse(text)?;
    if let Some(found) = lookup(broker, &name) {
        return Ok(found);
    }
    match broker.partitions(&name) {
        Some(n) => Err(Status::failed_precondition(format!(
            "topic {name} has {n} partitions: address each as {name}-part-N"
        ))),
        None => Err(Status::not_found(format!(
            "topic {name} does not exist: let a producer make it first"
        ))),
    }
}

/// Finds a topic or partition, or creates it.
pub(crate) async fn find_or_create(broker: &EmbeddedBroker, text: &str) -> Result<TopicPartition, Status> {
    let name = parse(text)?;
    if let Some(found) = lookup(broker, &name) {
        return Ok(found);
    }
    if let Some(n) = broker.partitions(&name) {
        return Err(Status::already_exists(format!(
            "topic {name} is there with {n} partitions: publish to {name}-part-N, or use another topic"
        )));
    }
    match split(&name) {
        Some((topic, _)) if broker.partitions(&topic) == Some(0) => Err(Status::already_exists(format!(
            "topic {topic} is there without partitions: publish to {topic} itself, or use another topic"
        ))),
        Some((topic, number)) => {
            broker
                .ensure_partitions(&topic, number + 1)
                .await
                .map_err(status::from_error)?;
            Ok(TopicPartition {
                topic,
                partition: Some(number),
                name,
            })
        }
        None => {
            broker
                .create_topic(&name, TopicSpec::default())
                .await
                .map_err(status::from_error)?;
            Ok(plain(name))
        }
    }
}

fn lookup(broker: &EmbeddedBroker, name: &TopicName) -> Option<TopicPartition> {
    if broker.partitions(name) == Some(0) {
        return Some(plain(name.clone()));
    }
    let (topic, number) = split(name)?;
    let there = broker.partitions(&topic).is_some_and(|n| number < n);
    there.then(|| TopicPartition {
        topic,
        partition: Some(number),
        name: name.clone(),
    })
}

fn plain(name: TopicName) -> TopicPartition {
    TopicPartition {
        topic: name.clone(),
        partition: None,
        name,
    }
}

/// Splits `/ns/name-part-N`.
fn split(name: &TopicName) -> Option<(TopicName, u32)> {
    let (topic, digits) = name.as_str().rsplit_once("-part-")?;
    let number: u32 = digits.parse().ok().filter(|number| *number < PARTITIONS_MAX)?;
    let exact = number.to_string() == digits;
    let topic = topic.parse().ok()?;
    exact.then_some((topic, number))
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_numbers_as_danube_writes_them_are_partitions() {
        let split = |text: &str| super::split(&text.parse().expect("valid")).map(|(t, n)| (t.to_string(), n));
        assert_eq!(split("/a/b-part-7"), Some(("/a/b".into(), 7)));
        assert_eq!(split("/a/b-part-1-part-2"), Some(("/a/b-part-1".into(), 2)));
        for name in [
            "/a/b",
            "/a/b-part-07",
            "/a/b-part-1024",
            "/a/b-part-",
            "/a/-part-1",
            "/a/b-part-x",
        ] {
            assert_eq!(split(name), None, "{name}");
        }
    }
}
