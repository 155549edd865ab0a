//! The writer's state in memory: changed once a transaction is durable, when its calls are answered.

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_model::SubscriptionType;

use super::{
    catalog::{PartitionState, Partitions},
    outcome::{NewSubscription, Outcome, TopicChange},
    queue::Command,
    shared::{Shared, writer_ended},
    topic::{Subscription, Topic},
    transaction::{StagedChanges, StagedCursor},
};

/// See the module.
pub(super) struct Memory {
    pub(super) shared: Arc<Shared>,
    pub(super) partitions: Partitions,
    /// Partitions of deleted topics that still have messages.
    pub(super) pending_deletes: BTreeSet<u64>,
}

impl Memory {
    /// Applies the changes of a durable transaction.
    pub(super) fn apply(&mut self, staged: StagedChanges) {
        for (partition, head) in &staged.heads {
            if let Some(state) = self.partitions.get_mut(partition) {
                state.head = *head;
                state.topic.set_end(state.index, *head);
            }
        }
        for ((_, index), cursor) in staged.cursors {
            apply_cursor(index, cursor);
        }
        self.pending_deletes.extend(&staged.pending_deletes);
        for partition in &staged.emptied {
            self.pending_deletes.remove(partition);
        }
        for (partition, messages) in &staged.dropped {
            if let Some(state) = self.partitions.get(partition) {
                let topic = state.topic.partition_name(state.index);
                tracing::warn!(%topic, messages, "retention dropped messages by age or size");
            }
        }
        for partition in staged.heads.keys() {
            if let Some(state) = self.partitions.get(partition) {
                notify_readers(state);
            }
        }
    }

    /// Bytes of all messages.
    pub(super) fn bytes(&self) -> u64 {
        self.partitions.values().map(|state| state.head.bytes).sum()
    }

    /// Sends a call's result.
    pub(super) fn answer(&mut self, command: Command, outcome: Outcome) {
        match (command, outcome) {
            (Command::Publish { reply, .. }, Outcome::Published(refused)) => {
                let _ = reply.send(Ok(refused));
            }
            (Command::Ack { reply, .. }, Outcome::Done) => {
                let _ = reply.send(Ok(()));
            }
            (command, Outcome::Refused(why)) => command.reject(&why),
            (Command::Alter { reply, .. }, Outcome::Altered(outcome)) => {
                let _ = reply.send(outcome.map(|change| self.change(change)));
            }
            (Command::Seek { reply, .. }, Outcome::Sought(report)) => {
                let _ = reply.send(report);
            }
            (Command::CreateTopic { reply, .. }, Outcome::Topic(topic)) => {
                let _ = reply.send(topic.map(|topic| self.add_topic(topic)));
            }
            (
                Command::Subscribe {
                    topic,
                    name,
                    kind,
                    reply,
                    ..
                },
                Outcome::Subscription(outcome),
            ) => {
                let _ = reply.send(outcome.map(|new| add_subscription(&topic, &name, kind, new)));
            }
            (Command::Register { reply, .. }, Outcome::Schema(schema)) => {
                let _ = reply.send(schema);
            }
            (command, _) => command.reject(&writer_ended()),
        }
    }

    fn add_topic(&mut self, topic: Option<Topic>) {
        let Some(topic) = topic else { return };
        let mut topics = self.shared.topics.write();
        if topics.contains_key(&topic.name) {
            return;
        }
        let topic = Arc::new(topic);
        add_places(&mut self.partitions, &topic, 0);
        topics.insert(topic.name.clone(), topic);
    }

    fn change(&mut self, change: TopicChange) {
        match change {
            TopicChange::None => {}
            TopicChange::NewTopic(topic) => self.add_topic(topic),
            TopicChange::Grown(name, len) => {
                let topic = self.shared.topics.read().get(&name).cloned();
                if let Some(topic) = topic {
                    let had = topic.len();
                    topic.grow(len);
                    add_places(&mut self.partitions, &topic, had);
                }
            }
            TopicChange::TopicDeleted(topic) => {
                self.shared.topics.write().remove(&topic.name);
                self.partitions.retain(|_, state| !Arc::ptr_eq(&state.topic, &topic));
                topic.retain_subscriptions(|_| false);
            }
            TopicChange::SubscriptionDeleted(topic, id) => {
                topic.retain_subscriptions(|subscription| subscription.id != id)
            }
        }
    }
}

fn apply_cursor(index: usize, staged: StagedCursor) {
    let StagedCursor {
        subscription,
        cursor,
        offsets,
        sought,
        ..
    } = staged;
    let mut dispatcher = subscription.dispatcher.lock();
    dispatcher.update(index, |window| {
        let mut had = Vec::new();
        if sought {
            had = window.seek(cursor.clone());
        }
        had.extend(window.acknowledged(cursor, &offsets));
        (had, ())
    });
    if sought {
        // No consumer got past an unreadable message; an operator moved past it.
        dispatcher.unreadable = None;
    }
    drop(dispatcher);
    subscription.changed.notify_waiters();
}

fn add_subscription(topic: &Topic, name: &str, kind: SubscriptionType, new: NewSubscription) -> Arc<Subscription> {
    let subscription = match topic.subscription(name) {
        Some(known) => known,
        None => topic.add_subscription(Subscription::new(new.id, name, kind, topic, new.cursors)),
    };
    let mut dispatcher = subscription.dispatcher.lock();
    dispatcher.set_kind(kind);
    // Partitions that an earlier call of this transaction added.
    dispatcher.grow(topic.len());
    drop(dispatcher);
    subscription
}

/// Adds a topic's partitions from index `from` on; they are empty.
fn add_places(partitions: &mut Partitions, topic: &Arc<Topic>, from: usize) {
    for (index, partition) in (0..topic.len()).zip(topic.first_partition..).skip(from) {
        let (topic, head) = (topic.clone(), Default::default());
        partitions.insert(partition, PartitionState { topic, index, head });
    }
}

/// Tells the subscriptions of a partition its new end and start, and wakes their consumers.
pub(super) fn notify_readers(partition: &PartitionState) {
    for subscription in partition.topic.subscriptions() {
        let lost = subscription.dispatcher.lock().update(partition.index, |window| {
            window.extend(partition.head.next);
            window.skip_to(partition.head.first)
        });
        if let Some(lost @ 1..) = lost {
            let topic = partition.topic.partition_name(partition.index);
            tracing::warn!(%topic, subscription = subscription.name, messages = lost, "not acknowledged before retention dropped them");
        }
        subscription.changed.notify_waiters();
    }
}
