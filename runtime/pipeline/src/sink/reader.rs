//! Reads messages, collects them into batches, hands the batches to lanes.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{Consumer, Message};
use danube_wasm_model::clock;
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, timeout, timeout_at},
};

use super::{Shared, orders::Orders};
use crate::{
    failpoints::{self, FailPoint},
    lane_of_key,
    mutants::{self, Mutant},
    status::Cause,
};

/// A broker that gives neither a message nor an error for so long is there.
const SILENCE: Duration = Duration::from_secs(1);

/// Batches on their way to the lanes. None waits for a lane that waits for something.
pub(super) enum Lanes {
    /// To whichever lane is free, one for each ahead of what it works on.
    Free(mpsc::Sender<Vec<Message>>),
    /// By key. What a lane has not come to waits for it, as much as the subscription's window allows.
    ByKey(Vec<mpsc::UnboundedSender<Vec<Message>>>),
}

/// Batches for one lane.
pub(super) enum Batches {
    Free(Arc<Mutex<mpsc::Receiver<Vec<Message>>>>),
    ByKey(mpsc::UnboundedReceiver<Vec<Message>>),
}

/// Every lane has ended.
pub(super) struct Ended;

impl Lanes {
    /// So many, and the other end of each.
    pub(super) fn new(lanes: usize, ordered: bool) -> (Self, Vec<Batches>) {
        if ordered && !mutants::is(Mutant::LanesMixKeys) {
            let (senders, receivers): (Vec<_>, Vec<_>) = (0..lanes).map(|_| mpsc::unbounded_channel()).unzip();
            return (
                Self::ByKey(senders),
                receivers.into_iter().map(Batches::ByKey).collect(),
            );
        }
        let (sender, receiver) = mpsc::channel(lanes);
        let receiver = Arc::new(Mutex::new(receiver));
        let each = (0..lanes).map(|_| Batches::Free(receiver.clone()));
        (Self::Free(sender), each.collect())
    }

    async fn send(&mut self, batch: Vec<Message>) -> Result<(), Ended> {
        match self {
            Self::Free(lanes) => lanes.send(batch).await.map_err(|_| Ended),
            Self::ByKey(lanes) => split(batch, lanes.len()).try_for_each(|(lane, part)| {
                let sent = lanes.get(lane).map(|lane| lane.send(part));
                sent.transpose().map(drop).map_err(|_| Ended)
            }),
        }
    }
}

impl Batches {
    /// The next one; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Option<Vec<Message>> {
        match self {
            Self::Free(batches) => batches.lock().await.recv().await,
            Self::ByKey(batches) => batches.recv().await,
        }
    }
}

/// Runs until the connector stops or fails, or the lanes have ended.
pub(super) async fn read(shared: &Shared, consumer: &mut dyn Consumer, mut lanes: Lanes) {
    let mut orders = Orders::default();
    loop {
        let batch = tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            batch = first_unless_paused(shared, consumer) => batch,
        };
        // What was received is handed on even when the stop comes meanwhile: it ends the batch, it does not drop it.
        let mut batch = more(shared, consumer, batch).await;
        orders.stamp(&mut batch);
        failpoints::reach(FailPoint::SinkRead);
        shared.track(&mut batch, |message| consumer.is_first_delivery(message));
        if batch.is_empty() {
            continue;
        }
        shared.instruments.consumed(&batch);
        shared.instruments.batch(batch.len());
        if lanes.send(batch).await.is_err() {
            return;
        }
    }
}

/// At least one message, received while the connector is not paused.
async fn first_unless_paused(shared: &Shared, consumer: &mut dyn Consumer) -> Vec<Message> {
    loop {
        shared.pause.resumed().await;
        tokio::select! {
            biased;
            () = shared.pause.paused() => {}
            batch = first(shared, consumer) => return batch,
        }
    }
}

/// At least one message; errors of the broker are retried.
async fn first(shared: &Shared, consumer: &mut dyn Consumer) -> Vec<Message> {
    let cause = Cause::Subscription(shared.subscription);
    let mut backoff = shared.backoff.start();
    loop {
        let receiving = consumer.receive(shared.policy.messages_max);
        let received = match backoff.tries() {
            0 => receiving.await,
            // The topic may be idle: no error for a while is as good as a message.
            _ => match timeout(SILENCE, receiving).await {
                Ok(received) => received,
                Err(_) => {
                    shared.status.recover(cause);
                    backoff = shared.backoff.start();
                    continue;
                }
            },
        };
        match received {
            Ok(messages) if !messages.is_empty() => {
                shared.status.recover(cause);
                return messages;
            }
            Ok(_) => {}
            Err(error) => {
                let wait = backoff.next(None);
                tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, wait_ms = clock::millis(wait), "cannot read from the broker");
                shared.status.degrade(cause, error.to_string());
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Adds what comes until the batch is full, the linger is over, the stream is idle, or the connector is to stop or to
/// pause.
async fn more(shared: &Shared, consumer: &mut dyn Consumer, mut batch: Vec<Message>) -> Vec<Message> {
    let policy = &shared.policy;
    let flush_at = Instant::now() + policy.linger;
    let mut bytes: usize = batch.iter().map(|m| m.payload.len()).sum();
    while batch.len() < policy.messages_max && bytes < policy.bytes_max {
        let until = flush_at.min(Instant::now() + policy.idle);
        let received = tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            () = shared.pause.paused() => break,
            received = timeout_at(until, consumer.receive(policy.messages_max - batch.len())) => received,
        };
        match received {
            Ok(Ok(messages)) => {
                bytes += messages.iter().map(|m| m.payload.len()).sum::<usize>();
                batch.extend(messages);
            }
            // Idle, or an error that the next batch will meet: the batch is complete.
            Ok(Err(_)) | Err(_) => break,
        }
    }
    batch
}

/// Messages of one key to one lane.
fn split(batch: Vec<Message>, lanes: usize) -> impl Iterator<Item = (usize, Vec<Message>)> {
    let mut parts: Vec<Vec<Message>> = (0..lanes).map(|_| Vec::new()).collect();
    for message in batch {
        // Without a key there is only the order of the whole partition to keep.
        let key = message
            .key
            .as_deref()
            .map_or_else(|| message.message_id.partition.to_le_bytes().to_vec(), <[u8]>::to_vec);
        parts[lane_of_key(&key, lanes)].push(message);
    }
    parts.into_iter().enumerate().filter(|(_, part)| !part.is_empty())
}
