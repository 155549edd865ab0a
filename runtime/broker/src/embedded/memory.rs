//! What the writer changes in memory once a transaction is durable, and the answers to its calls.

use std::sync::Arc;

use super::{
    alter::Change,
    batch::{Outcome, Staged},
    catalog::{Place, Places},
    queue::Command,
    shared::writer_gone,
    topic::{Subscription, Topic},
    writer::Writer,
};

impl Writer {
    /// What is durable becomes known.
    pub(super) fn remember(&mut self, staged: Staged) {
        for (partition, head) in &staged.heads {
            if let Some(place) = self.places.get_mut(partition) {
                place.head = *head;
                place.topic.set_end(place.index, *head);
            }
        }
        for ((_, index), acked) in staged.acks {
            acked.subscription.delivery.lock().update(index, |window| {
                let mut had = Vec::new();
                if acked.moved {
                    had = window.seek(acked.cursor.clone());
                }
                had.extend(window.acknowledged(acked.cursor, &acked.offsets));
                (had, ())
            });
            if acked.moved {
                // Nobody got past it; an operator moved past it.
                acked.subscription.delivery.lock().damage = None;
            }
            acked.subscription.changed.notify_waiters();
        }
        self.doomed.extend(&staged.doomed);
        for partition in &staged.cleared {
            self.doomed.remove(partition);
        }
        for (partition, messages) in &staged.dropped {
            if let Some(place) = self.places.get(partition) {
                let topic = place.topic.partition_name(place.index);
                tracing::warn!(%topic, messages, "retention dropped messages by age or size");
            }
        }
        for place in staged.heads.keys().filter_map(|partition| self.places.get(partition)) {
            tell(place);
        }
    }

    pub(super) fn answer(&mut self, command: Command, outcome: Outcome) {
        match (command, outcome) {
            (Command::Publish { reply, .. }, Outcome::Published(refused)) => {
                let _ = reply.send(Ok(refused));
            }
            (Command::Ack { reply, .. }, Outcome::Done) => {
                let _ = reply.send(Ok(()));
            }
            (command, Outcome::Refused(why)) => command.fail(&why),
            (Command::Alter { reply, .. }, Outcome::Altered(outcome)) => {
                let _ = reply.send(outcome.map(|change| self.change(change)));
            }
            (Command::Seek { reply, .. }, Outcome::Moved(report)) => {
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
                let _ = reply.send(outcome.map(|new| {
                    let subscription = match topic.subscription(&name) {
                        Some(known) => known,
                        None => topic.add_subscription(Subscription::new(new.id, &name, kind, &topic, new.cursors)),
                    };
                    let mut delivery = subscription.delivery.lock();
                    delivery.set_kind(kind);
                    // Partitions that an earlier call of this transaction added.
                    delivery.grow(topic.len());
                    drop(delivery);
                    subscription
                }));
            }
            (Command::Register { reply, .. }, Outcome::Schema(schema)) => {
                let _ = reply.send(schema);
            }
            (command, _) => command.fail(&writer_gone()),
        }
    }

    fn add_topic(&mut self, topic: Option<Topic>) {
        let Some(topic) = topic else { return };
        let mut topics = self.shared.topics.write();
        if topics.contains_key(&topic.name) {
            return;
        }
        let topic = Arc::new(topic);
        add_places(&mut self.places, &topic, 0);
        topics.insert(topic.name.clone(), topic);
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Nothing => {}
            Change::NewTopic(topic) => self.add_topic(topic),
            Change::Grown(name, len) => {
                let topic = self.shared.topics.read().get(&name).cloned();
                if let Some(topic) = topic {
                    let had = topic.len();
                    topic.grow(len);
                    add_places(&mut self.places, &topic, had);
                }
            }
            Change::TopicGone(topic) => {
                self.shared.topics.write().remove(&topic.name);
                self.places.retain(|_, place| !Arc::ptr_eq(&place.topic, &topic));
                topic.keep_subscriptions(|_| false);
            }
            Change::SubscriptionGone(topic, id) => topic.keep_subscriptions(|subscription| subscription.id != id),
        }
    }
}

/// The partitions of a topic from number `from` on, which are empty.
fn add_places(places: &mut Places, topic: &Arc<Topic>, from: usize) {
    for (index, partition) in (0..topic.len()).zip(topic.first_partition..).skip(from) {
        let (topic, head) = (topic.clone(), Default::default());
        places.insert(partition, Place { topic, index, head });
    }
}

/// Tells the subscriptions of a partition how far it reaches now.
pub(super) fn tell(place: &Place) {
    for subscription in place.topic.subscriptions() {
        let lost = subscription.delivery.lock().update(place.index, |window| {
            window.extend(place.head.next);
            window.skip_to(place.head.first)
        });
        if let Some(lost @ 1..) = lost {
            let topic = place.topic.partition_name(place.index);
            tracing::warn!(%topic, subscription = subscription.name, messages = lost, "not acknowledged before retention dropped them");
        }
        subscription.changed.notify_waiters();
    }
}
