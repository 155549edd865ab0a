//! Publishing: records to partitions, partitions to lanes.

mod call;
mod job;
mod lane;
mod order;
mod outgoing;
mod route;
mod session;
mod sessions;

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
    danube::{Shared, closed},
    flow::record_hash,
};
use job::Job;
use route::Partitions;
pub(crate) use session::ProducerSession;
pub(crate) use sessions::Sessions;

/// See [`Publisher`].
///
/// Records that cannot be sent now are kept in memory until their deadline: callers bound what they hand over by
/// waiting for its fate. A topic without reliable dispatch loses what a slow consumer does not take in time, and loses
/// more of it the faster it is published.
pub(crate) struct DanubePublisher {
    shared: Arc<Shared>,
    producer: Producer,
    /// Where the records of each topic go. Locked while a batch is handed over, which keeps its order.
    topics: Mutex<HashMap<TopicName, Way>>,
}

enum Way {
    /// Straight to its partitions.
    Known(Partitions),
    /// To a task that finds out about the topic first.
    Unknown(mpsc::UnboundedSender<Job>),
}

/// On whose behalf records are sent, and for how long.
#[derive(Debug, Clone)]
struct Producer {
    name: String,
    /// Records are taken as long as no more sessions than these were lost; without, they are sent again in the next.
    lost_max: Option<u64>,
}

/// What becomes of one record.
type Fate = Result<oneshot::Receiver<Result<bool>>>;

impl DanubePublisher {
    pub(crate) fn new(shared: Arc<Shared>, producer: &str) -> Self {
        let lost_max = (!shared.options.resend_after_loss).then(|| shared.sessions.lost_so_far());
        Self {
            shared,
            producer: Producer {
                name: producer.to_owned(),
                lost_max,
            },
            topics: Mutex::default(),
        }
    }

    fn hand_over(&self, topics: &mut HashMap<TopicName, Way>, encoded: Encoded) -> oneshot::Receiver<Result<bool>> {
        let Encoded {
            topic,
            hash,
            key,
            record,
        } = encoded;
        let (reply, fate) = oneshot::channel();
        let job = Job {
            hash,
            record,
            key,
            deadline: Instant::now() + self.shared.options.publish_timeout,
            reply,
        };
        let way = topics.entry(topic).or_insert_with_key(|topic| self.way_to(topic));
        match way {
            Way::Known(partitions) => partitions.push(job),
            // Its task ends only with the client; the reply is dropped then.
            Way::Unknown(jobs) => drop(jobs.send(job)),
        }
        fate
    }

    fn way_to(&self, topic: &TopicName) -> Way {
        match self.shared.topics.get(topic) {
            Some(spec) => Way::Known(Partitions::start(&self.shared, topic, &self.producer, &spec)),
            None => Way::Unknown(route::resolve_first(&self.shared, topic, &self.producer)),
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
        // Encoded before the lock, where callers run in parallel; a group with one record too large is not sent at all.
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
        let fates: Vec<Vec<Fate>> = encoded
            .into_iter()
            .map(|group| match group {
                Ok(_) if self.shared.closed.is_cancelled() => vec![Err(closed())],
                Ok(group) => group.into_iter().map(|m| Ok(self.hand_over(&mut topics, m))).collect(),
                Err(error) => vec![Err(error)],
            })
            .collect();
        drop(topics);
        Box::pin(async move {
            let mut results = Vec::with_capacity(fates.len());
            for group in fates {
                results.push(fate_of(group).await);
            }
            results
        })
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

/// A group is in the broker when all its records are. Publishing it again is safe: ids stay the same.
async fn fate_of(group: Vec<Fate>) -> Result<Published> {
    let mut fate = Ok(Published { durable: true });
    for record in group {
        let known = match record {
            Ok(known) => known.await.unwrap_or_else(|_| Err(closed())),
            Err(error) => Err(error),
        };
        match (known, &mut fate) {
            (Ok(durable), Ok(published)) => published.durable &= durable,
            // Every record is waited for: nothing of a group is under way when its fate is told.
            (Err(error), Ok(_)) => fate = Err(error),
            (_, Err(_)) => {}
        }
    }
    fate
}
