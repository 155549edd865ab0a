//! Whether the cluster lets us in, has the topics, and the group's offsets are there: for `check --connect`.
//!
//! It joins no group and commits nothing, so that members that run keep their partitions.

use danube_wasm_connector::{Finding, Outcome};
use tokio::task::spawn_blocking;

use crate::{
    client::topics,
    config::{Kafka, OnOutOfRange},
    consumer::{ConsumerError, ErrorKind, GroupConsumer as _, Librdkafka, Partition, Settings},
    registry::Registry,
    topic_pattern::TopicPattern,
};

/// The cluster, each topic, the group, then the schema registry.
pub(crate) async fn probe(kafka: &Kafka, id: &str) -> Vec<Finding> {
    let config = (kafka.clone(), id.to_owned());
    let probed = spawn_blocking(move || findings(&config.0, &config.1)).await;
    let mut findings = probed.unwrap_or_else(|error| {
        vec![Finding {
            what: "Kafka".to_owned(),
            outcome: Outcome::Unknown(format!("the check ended: {error}")),
        }]
    });
    if let Some(config) = &kafka.schema_registry {
        let reached = match Registry::new(config) {
            Ok(registry) => registry.probe().await,
            Err(error) => Err(error),
        };
        findings.push(Finding {
            what: format!("{id}: schema registry at {}", config.address()),
            outcome: reached.map_or_else(Outcome::Failed, |()| Outcome::Reached),
        });
    }
    findings
}

fn findings(kafka: &Kafka, id: &str) -> Vec<Finding> {
    let finding = |what: String, outcome| Finding {
        what: format!("{id}: {what}"),
        outcome,
    };
    let cluster = format!("Kafka at {}", kafka.address());
    let mut client = match Settings::read(id, kafka).and_then(|settings| Librdkafka::new(&settings)) {
        Ok(client) => client,
        Err(error) => return vec![finding(cluster, Outcome::Failed(error.message))],
    };
    let mut findings = Vec::new();
    let mut found = Vec::new();
    for topic in topics(kafka) {
        let looked_up = client.look_up(std::slice::from_ref(&topic));
        if let Err(error) = &looked_up
            && matches!(error.kind, ErrorKind::Unreachable | ErrorKind::NotAdmitted)
        {
            return vec![finding(cluster, Outcome::Failed(error.message.clone()))];
        }
        findings.push(finding(format!("topic `{topic}`"), of_topic(&topic, &looked_up)));
        found.extend(looked_up.into_iter().flatten());
    }
    findings.insert(0, finding(cluster, Outcome::Reached));
    findings.push(finding(
        format!("group `{}`", kafka.group),
        of_group(kafka, &client, &found),
    ));
    findings
}

fn of_topic(topic: &TopicPattern, found: &Result<Vec<(TopicPattern, usize)>, ConsumerError>) -> Outcome {
    match found {
        Ok(found) if topic.is_pattern() && found.iter().all(|(_, count)| *count == 0) => {
            Outcome::Awaited("no topic matches; those that are made later are read".to_owned())
        }
        Ok(_) => Outcome::Reached,
        Err(error) if error.kind == ErrorKind::NoTopic => Outcome::Awaited(error.message.clone()),
        Err(error) => Outcome::Failed(error.message.clone()),
    }
}

/// Whether its offsets may be read, and are in the partitions.
fn of_group(kafka: &Kafka, client: &Librdkafka, topics: &[(TopicPattern, usize)]) -> Outcome {
    let named = topics.iter().filter(|(topic, _)| !topic.is_pattern());
    let partitions = named.flat_map(|(topic, count)| {
        let of = |number| Partition {
            topic: topic.as_str().into(),
            number,
        };
        (0..i32::try_from(*count).unwrap_or(i32::MAX)).map(of)
    });
    let partitions: Vec<_> = partitions.collect();
    if partitions.is_empty() {
        return Outcome::Unknown("no topic is known whose offsets could be asked for".to_owned());
    }
    match gap(client, &partitions) {
        Err(error) => Outcome::Failed(error.message),
        Ok(Some(gap)) if kafka.reading.on_out_of_range == OnOutOfRange::Stop => Outcome::Failed(gap),
        Ok(_) => Outcome::Reached,
    }
}

/// The first offset that is not in its partition.
fn gap(client: &Librdkafka, partitions: &[Partition]) -> Result<Option<String>, ConsumerError> {
    for (partition, offset) in client.committed(partitions)? {
        let Some(offset) = offset else { continue };
        let (oldest, end) = client.range(&partition)?;
        if offset < oldest {
            let gap = format!(
                "records {offset} to {} of {partition} were deleted before the group read them: write `on_out_of_range = \"earliest\"`, or set \
                 the group's offset",
                oldest - 1
            );
            return Ok(Some(gap));
        }
        if offset > end {
            let gap = format!(
                "{partition} ends at offset {end}, and the group has read up to {offset}: if the topic was made anew, raise `generation`; then \
                 write `on_out_of_range = \"earliest\"`, or set the group's offset"
            );
            return Ok(Some(gap));
        }
    }
    Ok(None)
}
