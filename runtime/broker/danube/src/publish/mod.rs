//! Publishing: records to partitions, partitions to lanes.

mod call;
mod lane;
mod order;
mod outgoing;
mod pending;
mod session;
mod sessions;
mod topic_state;

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use danube_wasm_broker::{Outgoing, Published, Publisher, Result};
use danube_wasm_model::TopicName;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    flow::record_hash,
    shared::{Shared, closed},
};
use pending::PendingRecord;
pub(crate) use session::ProducerSession;
pub(crate) use sessions::Sessions;
use topic_state::Partitions;

/// See [`Publisher`].
///
/// Records that cannot be sent now are kept in memory until their deadline: callers bound that memory by waiting for
/// the results. A topic without reliable dispatch loses messages that a slow consumer does not read in time, and the
/// more of them the faster it is published.
pub(crate) struct DanubePublisher {
    shared: Arc<Shared>,
    producer: Producer,
    /// The state of each topic. Locked while a batch is enqueued, which keeps its order.
    topics: Mutex<HashMap<TopicName, TopicState>>,
}

enum TopicState {
    /// Records go directly to its partitions.
    Known(Partitions),
    /// Records go to a task that looks the topic up first.
    Resolving(mpsc::UnboundedSender<PendingRecord>),
}

/// The producer of the records.
#[derive(Debug, Clone)]
struct Producer {
    name: String,
    /// Records are accepted while at most this many sessions were lost; `None`: they are sent again in the next
    /// session.
    lost_max: Option<u64>,
}

/// The result of one record.
type PendingResult = Result<oneshot::Receiver<Result<bool>>>;

impl DanubePublisher {
    pub(crate) fn new(shared: Arc<Shared>, producer: &str) -> Self {
        let lost_max = (!shared.options.resend_after_loss).then(|| shared.sessions.lost_count());
        Self {
            shared,
            producer: Producer {
                name: producer.to_owned(),
                lost_max,
            },
            topics: Mutex::default(),
        }
    }

    fn enqueue(
        &self,
        topics: &mut HashMap<TopicName, TopicState>,
        encoded: Encoded,
    ) -> oneshot::Receiver<Result<bool>> {
        let Encoded {
            topic,
            hash,
            key,
            record,
        } = encoded;
        let (reply, result) = oneshot::channel();
        let job = PendingRecord {
            hash,
            record,
            key,
            deadline: Instant::now() + self.shared.options.publish_timeout,
            reply,
        };
        let state = topics.entry(topic).or_insert_with_key(|topic| self.topic_state(topic));
        match state {
            TopicState::Known(partitions) => partitions.push(job),
            // Its task ends only with the client, which drops the reply.
            TopicState::Resolving(jobs) => drop(jobs.send(job)),
        }
        result
    }

    fn topic_state(&self, topic: &TopicName) -> TopicState {
        match self.shared.topics.get(topic) {
            Some(spec) => TopicState::Known(Partitions::start(&self.shared, topic, &self.producer, &spec)),
            None => TopicState::Resolving(topic_state::resolve_first(&self.shared, topic, &self.producer)),
        }
    }
}

struct Encoded {
    topic: TopicName,
    hash: u64,
    key: Option<Bytes>,
    record: Bytes,
}

impl Publisher for DanubePublisher {
    fn publish(&self, groups: Vec<Vec<Outgoing>>) -> BoxFuture<'static, Vec<Result<Published>>> {
        let bytes_max = self.shared.options.message_bytes_max;
        // Encoded before the lock, where callers run in parallel. A group with one record that is too large is not sent
        // at all.
        let encoded: Vec<Result<Vec<Encoded>>> = groups
            .into_iter()
            .map(|group| {
                group
                    .into_iter()
                    .map(|record| encode(record, &self.producer.name, bytes_max))
                    .collect()
            })
            .collect();
        let mut topics = self.topics.lock();
        let pending: Vec<Vec<PendingResult>> = encoded
            .into_iter()
            .map(|group| match group {
                Ok(_) if self.shared.closed.is_cancelled() => vec![Err(closed())],
                Ok(group) => group.into_iter().map(|m| Ok(self.enqueue(&mut topics, m))).collect(),
                Err(error) => vec![Err(error)],
            })
            .collect();
        drop(topics);
        Box::pin(async move {
            let mut results = Vec::with_capacity(pending.len());
            for group in pending {
                results.push(group_result(group).await);
            }
            results
        })
    }

    fn check_size(&self, record: &Outgoing) -> Result<()> {
        encode(
            record.clone(),
            &self.producer.name,
            self.shared.options.message_bytes_max,
        )
        .map(drop)
    }

    fn record_bytes_max(&self) -> Option<usize> {
        Some(self.shared.options.message_bytes_max)
    }
}

fn encode(outgoing: Outgoing, producer: &str, bytes_max: usize) -> Result<Encoded> {
    let (topic, key) = (outgoing.topic.clone(), outgoing.key.clone());
    let hash = record_hash(&outgoing.id.to_string());
    let record = outgoing::encode(outgoing, producer, bytes_max)?;
    Ok(Encoded {
        topic,
        hash,
        key,
        record,
    })
}

/// The result of a group: confirmed when all its records are. Publishing it again is safe: ids stay the same.
async fn group_result(group: Vec<PendingResult>) -> Result<Published> {
    let mut result = Ok(Published { durable: true });
    for record in group {
        let known = match record {
            Ok(known) => known.await.unwrap_or_else(|_| Err(closed())),
            Err(error) => Err(error),
        };
        match (known, &mut result) {
            (Ok(durable), Ok(published)) => published.durable &= durable,
            // Waits for every record, so that none of the group is in flight when its result is returned.
            (Err(error), Ok(_)) => result = Err(error),
            (_, Err(_)) => {}
        }
    }
    result
}
