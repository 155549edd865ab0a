//! From a topic to its partitions.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use danube_wasm_broker::{BrokerError, ErrorKind, TopicSpec};
use danube_wasm_model::TopicName;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};

use super::{Producer, job::Job, lane::Lane};
use crate::{
    backoff::Backoff,
    danube::{Shared, closed},
    fault::Fault,
    partitions, topics,
};

/// The lanes of a topic's partitions.
pub(super) struct Partitions {
    lanes: Vec<mpsc::UnboundedSender<Job>>,
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

    /// To the partition of its key, or the next one in turn.
    pub(super) fn push(&self, job: Job) {
        let at = match &job.key {
            Some(key) => partitions::of_key(key, self.lanes.len()),
            None => self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len().max(1),
        };
        if let Some(lane) = self.lanes.get(at) {
            // A lane ends only with the client; the reply is dropped then.
            let _ = lane.send(job);
        }
    }
}

/// A task for a topic that was not created through this client: it finds out how the topic is published to, while
/// records wait, then hands them on in order.
pub(super) fn resolve_first(
    shared: &Arc<Shared>,
    topic: &TopicName,
    producer: &Producer,
) -> mpsc::UnboundedSender<Job> {
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
    /// How the topic is published to, if that is known before the first record's deadline.
    async fn resolve(&self, first: Option<&Job>) -> Result<Arc<TopicSpec>, Fault> {
        let resolved = topics::resolve(&self.shared, &self.topic);
        match first {
            Some(job) => timeout_at(job.deadline, resolved).await.unwrap_or_else(|_| {
                Err(Fault::lost(format!(
                    "asking about {} got no answer in time",
                    self.topic
                )))
            }),
            None => resolved.await,
        }
    }

    async fn run(self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut known: Option<Partitions> = None;
        let mut waiting = VecDeque::new();
        let mut backoff = Backoff::new(self.shared.options.retry_floor);
        while let Some(job) = jobs.recv().await {
            waiting.push_back(job);
            while known.is_none() && !waiting.is_empty() {
                match self.resolve(waiting.front()).await {
                    Ok(spec) => {
                        known = Some(Partitions::start(&self.shared, &self.topic, &self.producer, &spec));
                    }
                    Err(Fault::Refused(error)) => fail_all(&mut waiting, &mut jobs, &error),
                    Err(Fault::Lost(error) | Fault::Missing(error)) => {
                        let error = BrokerError::new(ErrorKind::Unavailable, error.message);
                        sleep(backoff.next(self.shared.options.retry_ceiling)).await;
                        while let Ok(job) = jobs.try_recv() {
                            waiting.push_back(job);
                        }
                        // Deadlines are in the order of the records: none is overtaken by a later one.
                        while waiting.front().is_some_and(|job| job.deadline <= Instant::now()) {
                            if let Some(job) = waiting.pop_front() {
                                job.answer(Err(error.clone()));
                            }
                        }
                    }
                }
            }
            if let Some(partitions) = &known {
                waiting.drain(..).for_each(|job| partitions.push(job));
            }
        }
        waiting.into_iter().for_each(|job| job.answer(Err(closed())));
    }
}

fn fail_all(waiting: &mut VecDeque<Job>, jobs: &mut mpsc::UnboundedReceiver<Job>, error: &BrokerError) {
    while let Ok(job) = jobs.try_recv() {
        waiting.push_back(job);
    }
    for job in waiting.drain(..) {
        job.answer(Err(error.clone()));
    }
}
