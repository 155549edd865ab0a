//! From a topic to its partitions.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use danube_wasm_broker::{Backoff, BrokerError, ErrorKind, TopicSpec};
use danube_wasm_model::TopicName;
use futures_util::future::BoxFuture;
use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until},
};

use super::{Producer, lane::Lane, pending::PendingRecord};
use crate::{fault::Fault, partitions, shared::Shared, topics};

/// The lanes of a topic's partitions.
pub(super) struct Partitions {
    lanes: Vec<mpsc::UnboundedSender<PendingRecord>>,
    next: AtomicUsize,
}

impl Partitions {
    /// Starts a lane for each. Producers are named as Danube's clients name them: `<name>-<n>` on partition n.
    pub(super) fn start(shared: &Arc<Shared>, topic: &TopicName, producer: &Producer, spec: &Arc<TopicSpec>) -> Self {
        let named: Vec<(TopicName, String)> = match spec.partitions {
            0 => vec![(topic.clone(), producer.name.clone())],
            n => (0..n)
                .map(|i| (topic.partition(i), format!("{}-{i}", producer.name)))
                .collect(),
        };
        let lost_max = producer.lost_max;
        let lanes = named.into_iter().map(|(partition, name)| {
            let (jobs, queue) = mpsc::unbounded_channel();
            let lane = Lane::new(shared.clone(), partition, Producer { name, lost_max }, spec.clone());
            shared.runtime.spawn(lane.run(queue));
            jobs
        });
        Self {
            lanes: lanes.collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Sends a record to the partition of its key, or round-robin.
    pub(super) fn push(&self, job: PendingRecord) {
        let at = match &job.key {
            Some(key) => partitions::of_key(key, self.lanes.len()),
            None => self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len().max(1),
        };
        if let Some(lane) = self.lanes.get(at) {
            // A lane ends only with the client, which drops the reply.
            let _ = lane.send(job);
        }
    }
}

/// Starts a task for a topic that was not created through this client: it looks up how the topic is published to while
/// records wait, then passes them on in order.
pub(super) fn resolve_first(
    shared: &Arc<Shared>,
    topic: &TopicName,
    producer: &Producer,
) -> mpsc::UnboundedSender<PendingRecord> {
    let (jobs, queue) = mpsc::unbounded_channel();
    let resolver = Resolver {
        shared: shared.clone(),
        topic: topic.clone(),
        producer: producer.clone(),
    };
    let closing = shared.closed.clone();
    shared.runtime.spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = resolver.run(queue) => {}
        }
    });
    jobs
}

struct Resolver {
    shared: Arc<Shared>,
    topic: TopicName,
    producer: Producer,
}

impl Resolver {
    async fn run(self, mut jobs: mpsc::UnboundedReceiver<PendingRecord>) {
        let mut waiting = VecDeque::new();
        while let Some(job) = jobs.recv().await {
            waiting.push_back(job);
            if let Some(partitions) = self.partitions(&mut waiting, &mut jobs).await {
                waiting.into_iter().for_each(|job| partitions.push(job));
                while let Some(job) = jobs.recv().await {
                    partitions.push(job);
                }
                return;
            }
        }
    }

    /// The topic's partitions, if they are found before the last waiting record times out.
    async fn partitions(
        &self,
        waiting: &mut VecDeque<PendingRecord>,
        jobs: &mut mpsc::UnboundedReceiver<PendingRecord>,
    ) -> Option<Partitions> {
        let mut backoff = Backoff::new(self.shared.options.retry_floor);
        let mut why = format!("{}: no answer", self.topic);
        let mut resolving = self.resolve(Duration::ZERO);
        let mut wanted = true;
        // Deadlines are in the order of the records.
        while let Some(deadline) = waiting.front().map(|job| job.deadline) {
            tokio::select! {
                biased;
                resolved = &mut resolving => match resolved {
                    Ok(spec) => {
                        return Some(Partitions::start(&self.shared, &self.topic, &self.producer, &spec));
                    }
                    Err(Fault::Refused(error)) => fail_all(waiting, jobs, &error),
                    Err(Fault::Lost(error) | Fault::Missing(error)) => {
                        why = error.message;
                        resolving = self.resolve(backoff.next(self.shared.options.retry_ceiling));
                    }
                },
                () = sleep_until(deadline) => {
                    if let Some(job) = waiting.pop_front() {
                        job.answer(Err(BrokerError::new(ErrorKind::Unavailable, why.clone())));
                    }
                }
                job = jobs.recv(), if wanted => match job {
                    Some(job) => waiting.push_back(job),
                    None => wanted = false,
                },
            }
        }
        None
    }

    fn resolve(&self, after: Duration) -> BoxFuture<'static, Result<Arc<TopicSpec>, Fault>> {
        let (shared, topic) = (self.shared.clone(), self.topic.clone());
        Box::pin(async move {
            sleep(after).await;
            topics::resolve(&shared, &topic).await
        })
    }
}

fn fail_all(
    waiting: &mut VecDeque<PendingRecord>,
    jobs: &mut mpsc::UnboundedReceiver<PendingRecord>,
    error: &BrokerError,
) {
    while let Ok(job) = jobs.try_recv() {
        waiting.push_back(job);
    }
    for job in waiting.drain(..) {
        job.answer(Err(error.clone()));
    }
}
