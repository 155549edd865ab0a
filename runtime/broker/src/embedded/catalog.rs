//! Loads topics, subscriptions and partitions from disk, at the start and after each reopening.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use danube_wasm_model::TopicName;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};

use super::{
    cursor::Cursor,
    fault::Fault,
    limits::{NUMBER_MAX, PARTITIONS_MAX},
    tables::{CURSORS, HEADS, Head, META, META_DELETED_MS, PENDING_DELETES, SUBSCRIPTIONS, TOPICS},
    topic::{Subscription, Topic, kind_from},
};

/// Topics by name.
pub(super) type Topics = HashMap<TopicName, Arc<Topic>>;
/// The writer's state of each partition.
pub(super) type Partitions = HashMap<u64, PartitionState>;

/// A partition.
#[derive(Clone)]
pub(super) struct PartitionState {
    pub(super) topic: Arc<Topic>,
    pub(super) index: usize,
    pub(super) head: Head,
}

/// The stored topics and partitions.
pub(super) struct CatalogContents {
    pub(super) topics: Topics,
    pub(super) partitions: Partitions,
    /// Partitions of deleted topics that still have messages.
    pub(super) pending_deletes: BTreeSet<u64>,
    /// Newest publish time of any message that is or was in the log, in milliseconds since 1970-01-01 UTC.
    pub(super) newest_ms: u64,
}

/// Loads everything, reusing topics of `known` that still exist: a failed commit may have created topics, subscriptions
/// and messages without an answer to the caller, and may have deleted some.
pub(super) fn load(transaction: &ReadTransaction, known: &Topics) -> Result<CatalogContents, Fault> {
    let heads = transaction.open_table(HEADS)?;
    let (mut topics, mut states) = (Topics::new(), Partitions::new());
    for row in transaction.open_table(TOPICS)?.iter()? {
        let (name, row) = row?;
        let (partitions, first_partition) = row.value();
        let name = parse(name.value())?;
        let topic = match known
            .get(&name)
            .filter(|known| known.first_partition == first_partition)
        {
            Some(topic) => topic.clone(),
            None => Arc::new(new_topic(name, partitions, first_partition)?),
        };
        topic.grow(partitions as usize);
        for (index, partition) in (0..topic.len()).zip(first_partition..) {
            let row = heads.get(partition)?.map(|row| row.value());
            let head = row.map_or(Ok(Head::default()), |row| Head::from_row(partition, row))?;
            topic.set_end(index, head);
            let topic = topic.clone();
            if let Some(other) = states.insert(partition, PartitionState { topic, index, head }) {
                let other = &other.topic.name;
                return Err(Fault::Damaged(format!(
                    "partition {partition} belongs to two topics, and one is {other}"
                )));
            }
        }
        topics.insert(topic.name.clone(), topic);
    }
    load_subscriptions(transaction, &topics, &states)?;
    for (name, topic) in known {
        if !topics.get(name).is_some_and(|there| Arc::ptr_eq(there, topic)) {
            topic.retain_subscriptions(|_| false);
        }
    }
    let mut pending_deletes = BTreeSet::new();
    for row in transaction.open_table(PENDING_DELETES)?.iter()? {
        pending_deletes.insert(row?.0.value());
    }
    let deleted_ms = transaction.open_table(META)?.get(META_DELETED_MS)?;
    let newest_ms = states.values().map(|state| state.head.last_time_ms).max();
    Ok(CatalogContents {
        topics,
        partitions: states,
        pending_deletes,
        newest_ms: newest_ms.max(deleted_ms.map(|row| row.value())).unwrap_or_default(),
    })
}

fn load_subscriptions(transaction: &ReadTransaction, topics: &Topics, states: &Partitions) -> Result<(), Fault> {
    let mut rows = HashMap::new();
    for row in transaction.open_table(SUBSCRIPTIONS)?.iter()? {
        let (key, row) = row?;
        let (topic, name) = key.value();
        let (id, code) = row.value();
        let Some(topic) = topics.get(&parse(topic)?) else {
            return Err(Fault::Damaged(format!(
                "subscription `{name}` is of the unknown topic {topic}"
            )));
        };
        let kind = kind_from(code)
            .ok_or_else(|| Fault::Damaged(format!("subscription `{name}` of {} has the type {code}", topic.name)))?;
        rows.insert(id, (topic, name.to_owned(), kind));
    }
    for topic in topics.values() {
        topic.retain_subscriptions(|subscription| rows.contains_key(&subscription.id));
    }
    let cursors = transaction.open_table(CURSORS)?;
    for (id, (topic, name, kind)) in rows {
        if topic.subscription(&name).is_none() {
            let cursors = stored_cursors(&cursors, id, topic, states)?;
            topic.add_subscription(Subscription::new(id, &name, kind, topic, cursors));
        }
    }
    Ok(())
}

fn parse(name: &str) -> Result<TopicName, Fault> {
    name.parse()
        .map_err(|e| Fault::Damaged(format!("a stored topic has no valid name: {e}")))
}

fn new_topic(name: TopicName, partitions: u32, first_partition: u64) -> Result<Topic, Fault> {
    if partitions > PARTITIONS_MAX || first_partition > NUMBER_MAX {
        return Err(Fault::Damaged(format!(
            "topic {name} is said to have {partitions} partitions from number {first_partition} on"
        )));
    }
    Ok(Topic::new(name, partitions, first_partition))
}

fn stored_cursors(
    table: &ReadOnlyTable<(u64, u32), &'static [u8]>,
    id: u64,
    topic: &Topic,
    states: &Partitions,
) -> Result<Vec<Cursor>, Fault> {
    let mut cursors = Vec::with_capacity(topic.len());
    for (index, partition) in (0..topic.len() as u32).zip(topic.first_partition..) {
        let mut cursor = match table.get((id, index))? {
            Some(stored) => Cursor::decode(stored.value())
                .map_err(|e| Fault::damaged(format_args!("the cursor of subscription {id} on {}", topic.name), e))?,
            None => Cursor::default(),
        };
        let head = states.get(&partition).map(|state| state.head).unwrap_or_default();
        if cursor.end() > head.next {
            return Err(Fault::Damaged(format!(
                "subscription {id} has acknowledged message {} of {}, which was never published",
                cursor.end() - 1,
                topic.partition_name(index as usize)
            )));
        }
        // Retention may have dropped messages after it.
        cursor.advance_floor(head.first);
        cursors.push(cursor);
    }
    Ok(cursors)
}
