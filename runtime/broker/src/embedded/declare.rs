//! Creates topics and subscriptions, in the writer's transaction.

use std::sync::Arc;

use danube_wasm_model::{SubscriptionType, TopicName};
use redb::ReadableTable;

use super::{
    cursor::Cursor,
    fault::Fault,
    limits::PARTITIONS_MAX,
    outcome::NewSubscription,
    shared::{conflict, unknown_topic},
    tables::{CURSORS, META_NEXT_PARTITION, META_NEXT_SUBSCRIPTION, SUBSCRIPTIONS, TOPICS},
    topic::{Topic, kind_code, kind_from},
    transaction::{Batch, next_number},
};
use crate::{BrokerError, StartAt, TopicSpec};

impl Batch<'_> {
    pub(super) fn create_topic(
        &mut self,
        name: &TopicName,
        spec: &TopicSpec,
    ) -> Result<Result<Option<Topic>, BrokerError>, Fault> {
        let mut topics = self.transaction.open_table(TOPICS)?;
        let stored = topics.get(name.as_str())?.map(|row| row.value());
        if let Some((partitions, first_partition)) = stored {
            return Ok(if partitions == spec.partitions {
                Ok(Some(Topic::new(name.clone(), partitions, first_partition)))
            } else {
                Err(conflict(format!(
                    "topic {name} has {partitions} partitions and {} were asked for: say `partitions = {partitions}`, or use \
                     another topic",
                    spec.partitions
                )))
            });
        }
        if spec.partitions > PARTITIONS_MAX {
            return Ok(Err(conflict(format!(
                "topic {name} was asked for with {} partitions; the log allows {PARTITIONS_MAX}",
                spec.partitions
            ))));
        }
        // A topic with partitions may get more of them, whose numbers follow.
        let numbers = if spec.partitions == 0 { 1 } else { PARTITIONS_MAX };
        let first_partition = next_number(self.transaction, META_NEXT_PARTITION, u64::from(numbers))?;
        topics.insert(name.as_str(), (spec.partitions, first_partition))?;
        self.staged.changed = true;
        Ok(Ok(Some(Topic::new(name.clone(), spec.partitions, first_partition))))
    }

    pub(super) fn subscribe(
        &mut self,
        topic: &Arc<Topic>,
        name: &str,
        kind: SubscriptionType,
        start: StartAt,
    ) -> Result<Result<NewSubscription, BrokerError>, Fault> {
        if !self.exists(topic.first_partition) {
            return Ok(Err(unknown_topic(&topic.name)));
        }
        let mut rows = self.transaction.open_table(SUBSCRIPTIONS)?;
        let key = (topic.name.as_str(), name);
        let stored = rows.get(key)?.map(|row| row.value());
        let known = topic
            .subscription(name)
            .filter(|known| !self.staged.deleted_subscriptions.contains(&known.id));
        if let Some((id, code)) = stored {
            let live = known
                .as_ref()
                .is_some_and(|known| known.dispatcher.lock().has_consumers());
            if kind_from(code) != Some(kind) {
                if live {
                    return Ok(Err(conflict(format!(
                        "subscription `{name}` of {} is {:?} while it is consumed, and was asked for as {kind:?}",
                        topic.name,
                        kind_from(code).unwrap_or_default()
                    ))));
                }
                rows.insert(key, (id, kind_code(kind)))?;
                self.staged.changed = true;
            }
            if known.is_some() {
                return Ok(Ok(NewSubscription {
                    id,
                    cursors: Vec::new(),
                }));
            }
            // Created by an earlier call of this transaction.
            return Ok(Ok(NewSubscription {
                id,
                cursors: self.start_cursors(topic, start),
            }));
        }
        let id = next_number(self.transaction, META_NEXT_SUBSCRIPTION, 1)?;
        rows.insert(key, (id, kind_code(kind)))?;
        let cursors = self.start_cursors(topic, start);
        let mut table = self.transaction.open_table(CURSORS)?;
        for (index, cursor) in (0u32..).zip(&cursors) {
            table.insert((id, index), cursor.encode().as_slice())?;
        }
        self.staged.new_subscriptions.insert(topic.first_partition);
        self.staged.changed = true;
        Ok(Ok(NewSubscription { id, cursors }))
    }

    fn start_cursors(&self, topic: &Topic, start: StartAt) -> Vec<Cursor> {
        let partitions = (topic.first_partition..).take(topic.len());
        partitions
            .map(|partition| {
                let head = self.head(partition);
                Cursor::at(if start == StartAt::Earliest {
                    head.first
                } else {
                    head.next
                })
            })
            .collect()
    }
}
