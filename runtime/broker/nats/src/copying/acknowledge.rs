//! Finds out which messages a consumer has open, and acknowledges some. The server tells how many are open, not which: only
//! delivering them does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_nats::Subscriber;
use danube_wasm_broker::{Result, copying::CopiedSubscription};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::positions::Acknowledged;
use crate::{
    consume::{ConsumerInfo, Durables},
    delivery_subject::DeliverySubject,
    error::unavailable,
    limits::{CALL_TIMEOUT, PULL_BYTES_MAX, PULL_MESSAGES_MAX, RETRY_CEILING},
    session::Session,
    topic::Topic,
};

/// How long the server holds a pull of these.
const EXPIRES: Duration = Duration::from_secs(1);
/// Acknowledgements that wait for their answers at once.
const IN_FLIGHT_MAX: usize = 512;
/// How often setting a position is begun anew.
const TRIES: usize = 8;

/// Pulls from a consumer.
struct Puller<'s> {
    session: &'s Session,
    call: String,
    inbox: String,
    answers: Subscriber,
    pulls: u64,
}

impl<'s> Puller<'s> {
    async fn new(session: &'s Session, topic: &Topic, consumer: &str) -> Result<Self> {
        let client = session.client().await?;
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.*")).await;
        Ok(Self {
            session,
            call: format!("$JS.API.CONSUMER.MSG.NEXT.{}.{consumer}", topic.stream),
            inbox,
            answers: answers.map_err(|e| unavailable(format!("subscribing to deliveries: {e}")))?,
            pulls: 0,
        })
    }

    /// What one pull gives: sequences, and where each is answered.
    async fn pull(&mut self, batch: u64) -> Result<Vec<(u64, String)>> {
        self.pulls += 1;
        let reply = format!("{}.{}", self.inbox, self.pulls);
        let batch = usize::try_from(batch)
            .unwrap_or(PULL_MESSAGES_MAX)
            .clamp(1, PULL_MESSAGES_MAX);
        let expires = u64::try_from(EXPIRES.as_nanos()).unwrap_or(u64::MAX);
        let body = json!({"batch": batch, "max_bytes": PULL_BYTES_MAX, "expires": expires});
        let client = self.session.client().await?;
        let sent = client.publish_with_reply(self.call.clone(), reply.clone(), body.to_string().into());
        sent.await.map_err(|e| unavailable(format!("pulling: {e}")))?;
        let deadline = Instant::now() + EXPIRES + CALL_TIMEOUT;
        let mut found = Vec::new();
        while found.len() < batch {
            let Ok(Some(message)) = timeout_at(deadline, self.answers.next()).await else {
                return Ok(found);
            };
            if message.status.is_some() {
                match message.subject.as_str() == reply {
                    true => return Ok(found),
                    false => continue,
                }
            }
            let Some(place) = message.reply.as_ref().map(ToString::to_string) else {
                continue;
            };
            if let Some(delivery) = DeliverySubject::parse(&place) {
                found.push((delivery.stream_sequence, place));
            }
        }
        Ok(found)
    }

    /// Gives them back, to be delivered again at once.
    async fn hand_back(&self, places: impl IntoIterator<Item = String>) -> Result<()> {
        let client = self.session.client().await?;
        for place in places {
            let sent = client.publish(place, "-NAK".into()).await;
            sent.map_err(|e| unavailable(format!("giving messages back: {e}")))?;
        }
        client
            .flush()
            .await
            .map_err(|e| unavailable(format!("giving messages back: {e}")))
    }
}

/// The sequences that were delivered from a consumer and are not acknowledged.
pub(super) async fn open(session: &Session, topic: &Topic, consumer: &ConsumerInfo) -> Result<BTreeSet<u64>> {
    let mut open = BTreeMap::new();
    if consumer.num_ack_pending == 0 {
        return Ok(BTreeSet::new());
    }
    let mut puller = Puller::new(session, topic, &consumer.name).await?;
    // What a process had that was killed is delivered again after this time.
    let deadline = Instant::now() + session.options.ack_wait * 2 + CALL_TIMEOUT;
    let delivered = consumer.delivered.stream_seq;
    let mut newer = Vec::new();
    while (open.len() as u64) < consumer.num_ack_pending {
        if Instant::now() >= deadline {
            return Err(unavailable(format!(
                "the server says that {} messages of {} are not acknowledged in the consumer {}, and delivers {} of them: is \
                 something consuming? Try again",
                consumer.num_ack_pending,
                topic.name,
                consumer.name,
                open.len()
            )));
        }
        for (sequence, place) in puller.pull(consumer.num_ack_pending - open.len() as u64).await? {
            match sequence <= delivered {
                true => drop(open.insert(sequence, place)),
                false => newer.push(place),
            }
        }
    }
    let sequences = open.keys().copied().collect();
    puller.hand_back(open.into_values().chain(newer)).await?;
    Ok(sequences)
}

/// Makes a consumer with a position: everything before its first open message is acknowledged, and what is behind it by
/// itself.
pub(super) async fn make(
    durables: &Durables<'_>,
    subscription: &CopiedSubscription,
    bucket: Option<u32>,
    position: &Acknowledged,
) -> Result<()> {
    let mut tries = 0;
    loop {
        let begins = position.first_open();
        let made = durables.create(&subscription.name, subscription.subscription_type, bucket, begins);
        let made = made.await?;
        match acknowledge(durables, &made, position).await {
            Err(error) if error.is_transient() && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(RETRY_CEILING).await;
                durables.delete(&made.name).await?;
            }
            other => return other,
        }
    }
}

async fn acknowledge(durables: &Durables<'_>, made: &ConsumerInfo, position: &Acknowledged) -> Result<()> {
    let (session, topic) = (durables.session, durables.topic);
    let Some(last) = position.last() else { return Ok(()) };
    let mut puller = Puller::new(session, topic, &made.name).await?;
    let (mut held, mut acknowledged) = (BTreeMap::new(), BTreeSet::new());
    let deadline = Instant::now() + session.options.request_timeout.max(session.options.ack_wait) * 4;
    let mut left = position.span();
    while left > 0 {
        if Instant::now() >= deadline {
            return Err(session.silence(&format!("setting a position of {}", topic.name)));
        }
        let pulled = puller.pull(left).await?;
        let (known, others): (Vec<_>, Vec<_>) = pulled
            .into_iter()
            .partition(|(sequence, _)| *sequence <= last && position.has(*sequence));
        let answers = stream::iter(known).map(|(sequence, place)| async move {
            let sent = session.send(place, None, "+ACK".into(), CALL_TIMEOUT).await?;
            sent.map_err(|_| session.silence("acknowledging"))?;
            Ok(sequence)
        });
        let answers: Vec<Result<u64>> = answers.buffer_unordered(IN_FLIGHT_MAX).collect().await;
        for answer in answers {
            acknowledged.insert(answer?);
        }
        held.extend(others);
        left = position.span().saturating_sub((acknowledged.len() + held.len()) as u64);
    }
    puller.hand_back(held.into_values()).await
}
