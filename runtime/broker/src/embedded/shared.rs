//! State shared by publishers, consumers and the writer.

use std::sync::Arc;

use danube_wasm_model::TopicName;
use parking_lot::RwLock;
use redb::ReadTransaction;
use tokio::sync::oneshot;

use super::{
    catalog::Topics,
    fault::Fault,
    options::EmbeddedOptions,
    queue::{Command, Queue, Reply},
    store::Store,
    topic::{Subscription, Topic},
};
use crate::{BrokerError, ErrorKind, Result};

/// See the module.
pub(super) struct Shared {
    pub(super) options: EmbeddedOptions,
    pub(super) store: Store,
    pub(super) queue: Queue,
    pub(super) topics: RwLock<Topics>,
}

impl Shared {
    /// A topic by its name.
    pub(super) fn topic(&self, name: &TopicName) -> Result<Arc<Topic>> {
        self.topics.read().get(name).cloned().ok_or_else(|| unknown_topic(name))
    }

    /// A subscription of a topic, by their names.
    pub(super) fn subscription(&self, topic: &TopicName, name: &str) -> Result<(Arc<Topic>, Arc<Subscription>)> {
        let topic = self.topic(topic)?;
        let found = topic.subscription(name).ok_or_else(|| {
            let message = format!("topic {} has no subscription `{name}`", topic.name);
            BrokerError::new(ErrorKind::NotFound, message)
        });
        found.map(|subscription| (topic, subscription))
    }

    /// Sends a call to the writer and waits for its answer.
    pub(super) async fn send<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(command(reply));
        answer.await.unwrap_or_else(|_| Err(self.no_answer()))
    }

    /// The error of a call that the writer dropped.
    pub(super) fn no_answer(&self) -> BrokerError {
        let failed = || {
            let message =
                "the log failed while it did this, and it may be done or not: see the log above, and try again";
            BrokerError::new(ErrorKind::Storage, message)
        };
        self.queue.close_reason().unwrap_or_else(failed)
    }

    /// Reads a snapshot; if the disk fails, the writer opens the log again. It waits for the disk: do not call it on an
    /// asynchronous thread.
    pub(super) fn read<T>(&self, f: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T> {
        let generation = self.store.generation();
        self.store.read(f).map_err(|fault| {
            if fault.requires_reopen() {
                self.queue.push(Command::Reopen { generation });
            }
            fault.into_broker_error(self.store.directory())
        })
    }

    /// Whether messages can be published and read now.
    pub(super) fn ready(&self) -> Result<()> {
        match self.queue.close_reason() {
            Some(why) => Err(why),
            None => self.store.ready(),
        }
    }

    /// Wakes every consumer.
    pub(super) fn wake_all(&self) {
        for topic in self.topics.read().values() {
            topic
                .subscriptions()
                .iter()
                .for_each(|subscription| subscription.changed.notify_waiters());
        }
    }
}

/// Reads a snapshot from an asynchronous task.
pub(super) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    f: impl FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
) -> Result<T> {
    shared.ready()?;
    let shared = shared.clone();
    let read = tokio::task::spawn_blocking(move || shared.read(f)).await;
    read.unwrap_or_else(|e| {
        let message = format!("reading the log was given up: {e}");
        Err(BrokerError::new(ErrorKind::Unavailable, message))
    })
}

/// The topic does not exist.
pub(super) fn unknown_topic(name: &TopicName) -> BrokerError {
    BrokerError::new(
        ErrorKind::NotFound,
        format!("topic {name} does not exist: create it, or let a source declare it"),
    )
}

/// The writer ended without an answer, which happens only through a bug.
pub(super) fn writer_ended() -> BrokerError {
    BrokerError::new(
        ErrorKind::Closed,
        "the log's writer has ended: see the log above, then restart the process",
    )
}

/// A subscription was deleted, alone or with its topic.
pub(super) fn subscription_deleted(topic: &Topic, subscription: &str) -> BrokerError {
    let name = &topic.name;
    let message = format!("subscription `{subscription}` of {name} was deleted, alone or with its topic");
    BrokerError::new(ErrorKind::NotFound, message)
}

/// A call does not fit a topic or subscription that exists.
pub(super) fn conflict(message: String) -> BrokerError {
    BrokerError::new(ErrorKind::Conflict, message)
}
