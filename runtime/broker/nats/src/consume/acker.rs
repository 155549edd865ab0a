//! Acknowledging: each message by itself, many at once, and each answered by the server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_broker::{Acker, BrokerError, MessageId, Result};
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{ConsumerInfo, Subscription};
use crate::{delivery_subject::DeliverySubject, limits::CALL_TIMEOUT, session::NoAnswer};

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
                let mut in_flight = self.0.in_flight.lock();
                let reply = in_flight.reply(id.offset);
                match in_flight.keeps_order() {
                    true => {
                        in_flight.delay(id.offset, Instant::now() + delay);
                        None
                    }
                    false => {
                        in_flight.remove(id.offset);
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
            let Some(reply) = subscription.in_flight.lock().reply(sequence) else {
                return Ok(false);
            };
            let payload = Bytes::from_static(b"+ACK");
            let sent = subscription.session.send(reply.clone(), None, payload, CALL_TIMEOUT);
            let answer = tokio::select! {
                answer = sent => answer?,
                // It is acknowledged there, then: nobody may be listening at the old place.
                () = self.come_again(sequence, &reply) => continue,
            };
            match answer {
                Ok(_) if subscription.in_flight.lock().acknowledged(sequence, &reply) => return Ok(true),
                Ok(_) => continue,
                // An acknowledgement of a position that was moved is never answered.
                Err(NoAnswer::Unknown) if self.is_stale(sequence, &reply).await => {
                    subscription.in_flight.lock().acknowledged(sequence, &reply);
                    return Ok(false);
                }
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                return Err(self.silence());
            }
            tokio::time::sleep(crate::limits::RETRY_FLOOR * 4).await;
        }
    }

    /// Waits until a message has a newer place of acknowledgement.
    async fn come_again(&self, sequence: u64, reply: &str) {
        loop {
            let come_again = self.0.come_again.notified();
            tokio::pin!(come_again);
            come_again.as_mut().enable();
            if !self.0.in_flight.lock().is_current(sequence, reply) {
                return;
            }
            come_again.await;
        }
    }

    /// Whether the server knows nothing of this delivery any more, and it does not come again by itself.
    async fn is_stale(&self, sequence: u64, reply: &str) -> bool {
        let Some(name) = super::share::consumer_of(reply) else {
            return true;
        };
        let Ok(info) = self.0.durables().info(name).await else {
            return false;
        };
        let in_flight = self.0.in_flight.lock();
        if !in_flight.is_current(sequence, reply) {
            return false;
        }
        if info.ack_floor.stream_seq >= sequence || in_flight.is_moved(sequence, &info) {
            return true;
        }
        // Where order is kept, the share notices, and has it delivered anew.
        !in_flight.keeps_order() && (is_unknown(reply, &info) || info.num_ack_pending == 0)
    }

    fn silence(&self) -> BrokerError {
        self.0
            .session
            .silence(&format!("acknowledging messages of {}", self.0.options.topic))
    }
}

/// Whether the server has not delivered that much: it has forgotten, or the position was moved.
fn is_unknown(reply: &str, info: &ConsumerInfo) -> bool {
    let delivery = DeliverySubject::parse(reply);
    delivery.is_some_and(|delivery| delivery.consumer_sequence > info.delivered.consumer_seq)
}
