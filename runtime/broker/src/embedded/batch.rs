//! Applies the writer's calls to a transaction.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    fault::Fault,
    outcome::Outcome,
    queue::{Command, Prepared},
    record, registry,
    shared::subscription_deleted,
    topic::{Subscription, Topic},
    transaction::{Batch, StagedCursor},
};

impl Batch<'_> {
    /// Applies one call without consuming it: if the transaction fails because of another call, it is applied again.
    pub(super) fn apply(&mut self, command: &mut Command) -> Result<Outcome, Fault> {
        match command {
            Command::Publish { records, .. } => self.publish(records),
            Command::Ack {
                topic,
                subscription,
                offsets,
                ..
            } => Ok(self.ack(topic, subscription, offsets)),
            Command::CreateTopic { topic, spec, .. } => Ok(Outcome::Topic(self.create_topic(topic, spec)?)),
            Command::Subscribe {
                topic,
                name,
                kind,
                start,
                ..
            } => Ok(Outcome::Subscription(self.subscribe(topic, name, *kind, *start)?)),
            Command::Register {
                subject,
                schema_type,
                definition,
                ..
            } => {
                self.staged.changed = true;
                Ok(Outcome::Schema(registry::register(
                    self.transaction,
                    subject,
                    schema_type,
                    definition,
                )?))
            }
            Command::Alter { alteration, .. } => Ok(Outcome::Altered(self.alter(alteration)?)),
            Command::Seek {
                topic,
                subscription,
                to,
                ..
            } => Ok(Outcome::Sought(self.seek(topic, subscription, *to)?)),
            Command::Reopen { .. } | Command::Close { .. } => Ok(Outcome::Done),
        }
    }

    fn publish(&mut self, records: &mut [Prepared]) -> Result<Outcome, Fault> {
        let now_ms = self.options.publish_time_ms();
        let gone = records.iter().filter(|record| !self.exists(record.partition));
        let refused: BTreeSet<usize> = gone.map(|record| record.group).collect();
        for record in records {
            if refused.contains(&record.group) {
                continue;
            }
            let mut head = self.head(record.partition);
            head.last_time_ms = head.last_time_ms.max(record.time_ms.unwrap_or(now_ms));
            record::set_time(&mut record.encoded, head.last_time_ms);
            self.messages
                .insert((record.partition, head.next), record.encoded.as_slice())?;
            head.next += 1;
            head.bytes += record.encoded.len() as u64;
            self.staged.heads.insert(record.partition, head);
        }
        Ok(Outcome::Published(refused.into_iter().collect()))
    }

    fn ack(&mut self, topic: &Arc<Topic>, subscription: &Arc<Subscription>, offsets: &[(usize, Vec<u64>)]) -> Outcome {
        if subscription.is_deleted() || self.staged.deleted_subscriptions.contains(&subscription.id) {
            return Outcome::Refused(subscription_deleted(topic, &subscription.name));
        }
        for (index, offsets) in offsets {
            let acked = self
                .staged
                .cursors
                .entry((subscription.id, *index))
                .or_insert_with(|| StagedCursor {
                    topic: topic.clone(),
                    subscription: subscription.clone(),
                    cursor: subscription.cursor(*index),
                    offsets: Vec::new(),
                    sought: false,
                });
            offsets.iter().for_each(|offset| acked.cursor.ack(*offset));
            acked.offsets.extend_from_slice(offsets);
        }
        Outcome::Done
    }
}
