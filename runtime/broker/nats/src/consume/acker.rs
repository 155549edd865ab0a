//! Acknowledging: each message by itself, many at once, and each answered by the server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_broker::{Acker, BrokerError, MessageId, Result};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::Subscription;
use crate::{limits::CALL_TIMEOUT, session::NoAnswer};

/// Acknowledgements that wait for their answers at once.
const IN_FLIGHT_MAX: usize = 1_024;

/// See [`Acker`].
pub(super) struct NatsAcker(pub(super) Arc<Subscription>);

#[async_trait]
impl Acker for NatsAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        let deadline = Instant::now() + self.0.session.options.request_timeout;
        let sequences: Vec<u64> = messages.iter().map(|id| id.offset).collect();
        let acks = stream::iter(sequences).map(|sequence| self.ack_one(sequence, deadline));
        let answers: Vec<Result<bool>> = acks.buffer_unordered(IN_FLIGHT_MAX).collect().await;
        let mut answered = false;
        let mut first = Ok(());
        for answer in answers {
            match answer {
                Ok(by_server) => answered |= by_server,
                Err(error) => first = first.and(Err(error)),
            }
        }
        // There may be room for more now.
        self.0.changed.notify_waiters();
        if answered && !self.0.settles_after.is_zero() {
            tokio::time::sleep(self.0.settles_after).await;
        }
        first
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        for id in messages {
            let held = {
                let mut ledger = self.0.ledger.lock();
                let reply = ledger.reply(id.offset);
                match ledger.keeps_order() {
                    true => {
                        ledger.delay(id.offset, Instant::now() + delay);
                        None
                    }
                    false => {
                        ledger.remove(id.offset);
                        reply
                    }
                }
            };
            if let Some(reply) = held {
                let body = format!("-NAK {{\"delay\":{}}}", super::durable::nanos(delay).max(1));
                let client = self.0.session.client().await?;
                // A lost one comes again after `ack_wait`.
                let _ = client.publish(reply, Bytes::from(body)).await;
            }
        }
        self.0.changed.notify_waiters();
        Ok(())
    }
}

impl NatsAcker {
    /// Whether the server has answered; not if there was nothing to acknowledge any more.
    async fn ack_one(&self, sequence: u64, deadline: Instant) -> Result<bool> {
        let subscription = &self.0;
        loop {
            let Some(reply) = subscription.ledger.lock().reply(sequence) else {
                return Ok(false);
            };
            let payload = Bytes::from_static(b"+ACK");
            let answer = subscription
                .session
                .send(reply.clone(), None, payload, CALL_TIMEOUT)
                .await?;
            if answer.is_ok() {
                subscription.ledger.lock().acknowledged(sequence, &reply);
                return Ok(true);
            }
            // An acknowledgement of a position that was moved is never answered.
            if answer.err() == Some(NoAnswer::Unknown) && self.is_stale(sequence, &reply).await {
                subscription.ledger.lock().acknowledged(sequence, &reply);
                return Ok(false);
            }
            if Instant::now() >= deadline {
                return Err(self.silence());
            }
            tokio::time::sleep(crate::limits::RETRY_FLOOR * 4).await;
        }
    }

    /// Whether the server knows nothing of this delivery any more.
    async fn is_stale(&self, sequence: u64, reply: &str) -> bool {
        let mut tokens = reply.rsplit('.');
        // From the end: pending, time, consumer sequence; the newer form has a token more.
        let is_newer = reply.split('.').count() > 11;
        let consumer_sequence = tokens
            .nth(if is_newer { 3 } else { 2 })
            .and_then(|n| n.parse::<u64>().ok());
        let Some(name) = super::share::consumer_of(reply) else {
            return true;
        };
        let Ok(info) = self.0.durables().info(name).await else {
            return false;
        };
        let is_current = self.0.ledger.lock().is_current(sequence, reply);
        let never_delivered = consumer_sequence.is_some_and(|n| n > info.delivered.consumer_seq);
        !is_current || never_delivered || info.ack_floor.stream_seq >= sequence || info.num_ack_pending == 0
    }

    fn silence(&self) -> BrokerError {
        self.0
            .session
            .silence(&format!("acknowledging messages of {}", self.0.options.topic))
    }
}
