//! Acknowledgements of one partition: beside the reading, several at once, through whatever happens to the session.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use danube_wasm_broker::{BrokerError, ErrorKind, MessageId, Result};
use danube_wasm_model::TopicName;
use danube_wasm_proto::api::{AckRequest, MsgId, NackRequest, consumer_service_client::ConsumerServiceClient};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};

use super::{
    partition::{Partition, Place},
    tracker::Turn,
};
use crate::{
    backoff::Backoff,
    danube::{Shared, closed},
    fault::{Fault, as_loss},
    limits::{ACK_CALL_MIN, ACKS_IN_FLIGHT_MAX},
};

/// One message to acknowledge or to give back.
pub(super) struct Work {
    id: MessageId,
    msg_id: MsgId,
    /// Give it back, to be delivered again after this.
    nack: Option<Duration>,
    deadline: Instant,
    reply: oneshot::Sender<Result<()>>,
}

impl Work {
    /// With the end at which its reply comes out.
    pub(super) fn new(
        shared: &Shared,
        id: MessageId,
        msg_id: MsgId,
        nack: Option<Duration>,
    ) -> (Self, oneshot::Receiver<Result<()>>) {
        let (reply, answer) = oneshot::channel();
        let work = Self {
            id,
            msg_id,
            nack,
            deadline: Instant::now() + shared.options.ack_timeout,
            reply,
        };
        (work, answer)
    }
}

/// Runs until nobody can hand anything over any more, or the client is closed.
pub(super) async fn run(
    shared: Arc<Shared>,
    subscription: String,
    partition: Weak<Partition>,
    mut queue: mpsc::UnboundedReceiver<Work>,
) {
    let mut in_flight = FuturesUnordered::new();
    let closing = shared.closed.clone();
    loop {
        tokio::select! {
            biased;
            () = closing.cancelled() => return,
            Some(()) = in_flight.next(), if !in_flight.is_empty() => {}
            work = queue.recv(), if in_flight.len() < ACKS_IN_FLIGHT_MAX => {
                let (Some(work), Some(partition)) = (work, partition.upgrade()) else {
                    return;
                };
                in_flight.push(finish(&shared, &subscription, partition, work));
            }
        }
    }
}

async fn finish(shared: &Shared, subscription: &str, partition: Arc<Partition>, work: Work) {
    let fate = until_confirmed(shared, subscription, &partition, &work).await;
    if fate.is_ok() && work.nack.is_none() {
        partition.confirmed(work.id);
    }
    // Nobody waits for what is acknowledged a second time.
    let _ = work.reply.send(fate);
}

/// Tries until the broker has confirmed it or the time is over. After that it delivers the message again, which is
/// acknowledged then without being given out.
async fn until_confirmed(shared: &Shared, subscription: &str, partition: &Arc<Partition>, work: &Work) -> Result<()> {
    let mut backoff = Backoff::new(shared.options.retry_floor);
    let mut why = None;
    loop {
        let place = match place(partition, work.deadline).await {
            Ok(place) => place,
            Err(waited) => return Err(why.unwrap_or(waited)),
        };
        if work.nack.is_none() {
            let left = work.deadline.saturating_duration_since(Instant::now());
            let patience = shared.options.newest_waits_max.min(left);
            match partition.turn(&place, work.id, patience).await {
                Some(Turn::Now) => {}
                Some(Turn::Needless) => return Ok(()),
                Some(Turn::Later) => return Err(behind(&partition.name)),
                None => continue,
            }
        }
        match once(shared, subscription, &place, partition, work).await {
            Ok(()) => return Ok(()),
            Err(Fault::Refused(error)) => return Err(error),
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                partition.suspect(place.session);
                let wait = backoff.next(shared.options.retry_ceiling);
                if Instant::now() + wait >= work.deadline {
                    return Err(as_loss(&error));
                }
                why = Some(as_loss(&error));
                sleep(wait).await;
            }
        }
    }
}

/// Where the partition is served, once it is.
async fn place(partition: &Partition, deadline: Instant) -> Result<Place> {
    let mut place = partition.place.subscribe();
    let served = timeout_at(deadline, place.wait_for(Option::is_some)).await;
    match served {
        Ok(Ok(place)) => place.clone().ok_or_else(closed),
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

fn behind(partition: &TopicName) -> BrokerError {
    BrokerError::new(
        ErrorKind::Unavailable,
        format!(
            "the newest message of {partition} is acknowledged after those before it, which are not done with yet: \
             acknowledge it again"
        ),
    )
}

async fn once(
    shared: &Shared,
    subscription: &str,
    place: &Place,
    partition: &Partition,
    work: &Work,
) -> Result<(), Fault> {
    let left = work.deadline.saturating_duration_since(Instant::now());
    // What takes too long is taken for a lost session: what is late gets its chance, too.
    let within = left.max(ACK_CALL_MIN).min(shared.options.request_timeout);
    let request_id = shared.wire.number();
    let (msg_id, subscription_name) = (Some(work.msg_id.clone()), subscription.to_owned());
    match work.nack {
        None => {
            let request = AckRequest {
                request_id,
                msg_id,
                subscription_name,
            };
            let call = |channel, request| async move { ConsumerServiceClient::new(channel).ack(request).await };
            let doing = "acknowledging";
            shared
                .wire
                .call(&place.route, within, doing, request, call)
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
            let doing = format!("giving back a message of {}", partition.name);
            shared
                .wire
                .call(&place.route, within, &doing, request, call)
                .await
                .map(drop)
        }
    }
}
