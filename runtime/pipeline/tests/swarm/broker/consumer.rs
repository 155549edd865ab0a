//! Reading and acknowledging.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_broker::{Acker, BrokerError, Consumer, ErrorKind, Message, MessageId, Result};
use tokio::time::Instant;

use super::{Server, wait_for_change};
use crate::faults::Fault;

/// A consumer of the one subscription.
pub struct SimConsumer {
    server: Arc<Server>,
    member: u64,
}

impl SimConsumer {
    pub fn new(server: Arc<Server>, member: u64) -> Self {
        Self { server, member }
    }
}

#[async_trait]
impl Consumer for SimConsumer {
    async fn receive(&mut self, max: usize) -> Result<Vec<Message>> {
        let server = &self.server;
        // If cancelled here, nothing has been taken yet.
        server.world.pause(Fault::BrokerSlow, &server.rng).await;
        server.check_available(Fault::ReceiveFails)?;
        if server.strikes(Fault::SessionLost) {
            server
                .world
                .note(format_args!("broker: the session is lost, all comes again"));
            server.subscription.lock().give_back_all();
            return Err(BrokerError::new(ErrorKind::Unavailable, "the session was lost"));
        }
        let max = server.rng.size(1..=max as u64);
        loop {
            let changes = server.changes.notified();
            let (taken, due) = {
                let mut subscription = server.subscription.lock();
                let taken = subscription.take(self.member, max, Instant::now());
                let replaced = |_| BrokerError::new(ErrorKind::Conflict, "another consumer took over");
                (taken.map_err(replaced)?, subscription.next_due())
            };
            if taken.is_empty() {
                wait_for_change(changes, due).await;
                continue;
            }
            server.deliveries.fetch_add(taken.len() as u64, Ordering::Relaxed);
            server.world.note(format_args!(
                "broker: {} messages to consumer {}",
                taken.len(),
                self.member
            ));
            let message = |(id, redeliveries)| Message {
                redeliveries,
                ..server.message(id)
            };
            return Ok(taken.into_iter().map(message).collect());
        }
    }

    /// The server counts the deliveries to every consumer.
    fn is_first_delivery(&self, message: &Message) -> bool {
        message.redeliveries == 0
    }

    fn acker(&self) -> Arc<dyn Acker> {
        Arc::new(SimAcker(self.server.clone(), self.member))
    }
}

impl Drop for SimConsumer {
    fn drop(&mut self) {
        self.server
            .world
            .note(format_args!("broker: consumer {} is gone", self.member));
        self.server.subscription.lock().detach(self.member);
        self.server.changes.notify_waiters();
    }
}

struct SimAcker(Arc<Server>, u64);

impl SimAcker {
    async fn call_broker(&self, fault: Fault) -> Result<()> {
        self.0.world.pause(Fault::BrokerSlow, &self.0.rng).await;
        self.0.check_available(fault)
    }
}

#[async_trait]
impl Acker for SimAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        self.call_broker(Fault::AckLost).await?;
        for id in messages {
            self.0
                .world
                .note(format_args!("broker: ack {}/{}", id.partition, id.offset));
            if self.0.subscription.lock().ack(*id) {
                self.0.world.oracle.acknowledged(*id);
            }
        }
        self.0.changes.notify_waiters();
        if self.0.strikes(Fault::AckReplyLost) {
            return Err(BrokerError::new(ErrorKind::Unavailable, "the answer was lost"));
        }
        Ok(())
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        self.call_broker(Fault::NackFails).await?;
        let mut subscription = self.0.subscription.lock();
        for id in messages {
            self.0.world.note(format_args!(
                "broker: nack {}/{} for {delay:?}",
                id.partition, id.offset
            ));
            subscription.nack(self.1, *id, Instant::now() + delay);
        }
        drop(subscription);
        self.0.changes.notify_waiters();
        Ok(())
    }
}
