//! Sends the acknowledgements of one partition: beside reading, several at once, retried through lost sessions.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use danube_wasm_broker::{Backoff, BrokerError, ErrorKind, MessageId, Result};
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{AckRequest, MsgId, NackRequest, consumer_service_client::ConsumerServiceClient};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};

use super::{
    partition::{Partition, ServingBroker},
    tracker::AckTurn,
};
use crate::{
    fault::{Fault, as_unavailable},
    limits::{ACK_CALL_MIN, ACKS_IN_FLIGHT_MAX},
    shared::{Shared, closed},
};

/// One message to acknowledge, positively or negatively.
pub(super) struct AckTask {
    id: MessageId,
    msg_id: MsgId,
    /// Negatively: deliver it again after this.
    nack: Option<Duration>,
    deadline: Instant,
    reply: oneshot::Sender<Result<()>>,
}

impl AckTask {
    /// Returns the task and the receiver of its result.
    pub(super) fn new(
        shared: &Shared,
        id: MessageId,
        msg_id: MsgId,
        nack: Option<Duration>,
    ) -> (Self, oneshot::Receiver<Result<()>>) {
        let (reply, answer) = oneshot::channel();
        let task = Self {
            id,
            msg_id,
            nack,
            deadline: Instant::now() + shared.options.ack_timeout,
            reply,
        };
        (task, answer)
    }
}

/// Runs until no sender is left, or the client is closed.
pub(super) async fn run(
    shared: Arc<Shared>,
    subscription: String,
    partition: Weak<Partition>,
    mut queue: mpsc::UnboundedReceiver<AckTask>,
) {
    let mut in_flight = FuturesUnordered::new();
    let closing = shared.closed.clone();
    loop {
        tokio::select! {
            biased;
            () = closing.cancelled() => return,
            Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
            task = queue.recv(), if in_flight.len() < ACKS_IN_FLIGHT_MAX => {
                let (Some(task), Some(partition)) = (task, partition.upgrade()) else {
                    return;
                };
                in_flight.push(finish(&shared, &subscription, partition, task));
            }
        }
    }
}

async fn finish(shared: &Shared, subscription: &str, partition: Arc<Partition>, task: AckTask) {
    let result = ack_until_confirmed(shared, subscription, &partition, &task).await;
    if result.is_ok() && task.nack.is_none() {
        partition.confirm_ack(task.id);
    }
    // No caller waits for a message that is acknowledged a second time.
    let _ = task.reply.send(result);
}

/// Tries until the broker has confirmed it or the time is over. After that the broker delivers the message again, which
/// is then acknowledged without being delivered to the caller.
async fn ack_until_confirmed(
    shared: &Shared,
    subscription: &str,
    partition: &Arc<Partition>,
    task: &AckTask,
) -> Result<()> {
    let mut backoff = Backoff::new(shared.options.retry_floor);
    let mut why = None;
    loop {
        let serving = match serving(partition, task.deadline).await {
            Ok(serving) => serving,
            Err(waited) => return Err(why.unwrap_or(waited)),
        };
        if task.nack.is_none() {
            let left = task.deadline.saturating_duration_since(Instant::now());
            let wait_max = shared.options.newest_waits_max.min(left);
            match partition.wait_ack_turn(&serving, task.id, wait_max).await {
                Some(AckTurn::Now) => {}
                Some(AckTurn::Needless) => return Ok(()),
                Some(AckTurn::Later) => return Err(newest_waits_error(&partition.name)),
                None => continue,
            }
        }
        match send_once(shared, subscription, &serving, partition, task).await {
            Ok(()) => return Ok(()),
            Err(Fault::Refused(error)) => return Err(error),
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                partition.suspect_session(serving.session);
                let wait = backoff.next(shared.options.retry_ceiling);
                if Instant::now() + wait >= task.deadline {
                    return Err(as_unavailable(&error));
                }
                why = Some(as_unavailable(&error));
                sleep(wait).await;
            }
        }
    }
}

/// The broker that serves the partition; waits until there is one.
async fn serving(partition: &Partition, deadline: Instant) -> Result<ServingBroker> {
    let mut serving = partition.serving.subscribe();
    let served = timeout_at(deadline, serving.wait_for(Option::is_some)).await;
    match served {
        Ok(Ok(serving)) => serving.clone().ok_or_else(closed),
        Ok(Err(_)) => Err(closed()),
        Err(_) => Err(BrokerError::new(
            ErrorKind::Unavailable,
            format!(
                "no session on {} to acknowledge through: what was not acknowledged comes again",
                partition.name
            ),
        )),
    }
}

fn newest_waits_error(partition: &TopicName) -> BrokerError {
    BrokerError::new(
        ErrorKind::Unavailable,
        format!(
            "the newest message of {partition} is acknowledged after those before it, which are not done with yet: \
             acknowledge it again"
        ),
    )
}

async fn send_once(
    shared: &Shared,
    subscription: &str,
    serving: &ServingBroker,
    partition: &Partition,
    task: &AckTask,
) -> Result<(), Fault> {
    let left = task.deadline.saturating_duration_since(Instant::now());
    // A call that takes too long counts as a lost session: a late acknowledgement gets a minimum of time too.
    let within = left.max(ACK_CALL_MIN).min(shared.options.request_timeout);
    let request_id = shared.wire.number();
    let (msg_id, subscription_name) = (Some(task.msg_id.clone()), subscription.to_owned());
    match task.nack {
        None => {
            let request = AckRequest {
                request_id,
                msg_id,
                subscription_name,
            };
            let call = |channel, request| async move { ConsumerServiceClient::new(channel).ack(request).await };
            let action = "acknowledging";
            shared
                .wire
                .call(&serving.endpoint, within, action, request, call)
                .await
                .map(drop)
        }
        Some(delay) => {
            let request = NackRequest {
                request_id,
                msg_id,
                subscription_name,
                delay_ms: Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
                reason: None,
            };
            let call = |channel, request| async move { ConsumerServiceClient::new(channel).nack(request).await };
            let action = format!("giving back a message of {}", partition.name);
            shared
                .wire
                .call(&serving.endpoint, within, &action, request, call)
                .await
                .map(drop)
        }
    }
}
