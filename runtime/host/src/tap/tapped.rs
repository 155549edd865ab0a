//! Components whose calls can be watched.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    door::{ConsumerConfig, GuestError, ProducerConfig, SinkGuest, SourceGuest},
    event::{EventBatch, Interests, RecordBatch},
    message::{MessageBatch, WriteBatch},
};
use danube_wasm_sandbox::{Secrets, SinkComponent, SourceComponent};

use super::{Taps, sample::Call};
use crate::shadow::{Passed, Shadows, columns};

/// A source component.
pub(crate) struct TappedSource {
    pub(crate) guest: Arc<SourceComponent>,
    pub(crate) is_builtin: bool,
    pub(crate) taps: Arc<Taps>,
    pub(crate) shadows: Arc<Shadows>,
    /// Values of its settings that nobody may see.
    pub(crate) secrets: Arc<Secrets>,
}

/// A sink component.
pub(crate) struct TappedSink {
    pub(crate) guest: Arc<SinkComponent>,
    pub(crate) taps: Arc<Taps>,
    pub(crate) shadows: Arc<Shadows>,
    /// Values of its settings that nobody may see.
    pub(crate) secrets: Arc<Secrets>,
}

#[async_trait]
impl SourceGuest for TappedSource {
    fn id(&self) -> &ConnectorId {
        self.guest.id()
    }

    fn digest(&self) -> &str {
        self.guest.digest()
    }

    fn lanes(&self) -> usize {
        self.guest.lanes()
    }

    fn recall(&self, lane: usize) -> Option<String> {
        self.guest.recall(lane)
    }

    fn forwards_payloads(&self) -> bool {
        self.is_builtin
    }

    fn interests(&self) -> Interests {
        self.shadows.interests(self.guest.id(), self.guest.interests())
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        self.guest.producer_configs()
    }

    async fn poll(&self, lane: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        if !self.taps.is_on() && !self.shadows.is_on() {
            return self.guest.poll(lane, events).await;
        }
        let begun = Instant::now();
        // With a candidate, the batch has its columns, too.
        let own = match self.shadows.is_on() {
            true => Arc::new(columns::of_events(&events, self.guest.interests())),
            false => events.clone(),
        };
        let made = self.guest.poll(lane, own).await;
        let took = begun.elapsed();
        (self.shadows).offer(self.guest.id(), begun, || {
            Passed::Source(events.clone(), made.clone(), took)
        });
        let (connector, secrets) = (self.guest.id(), &self.secrets);
        let call = Call { connector, secrets };
        let sample = |i: usize| call.of_source(i, &events, made.as_ref());
        self.taps.offer(connector, events.len(), sample);
        made
    }
}

#[async_trait]
impl SinkGuest for TappedSink {
    fn id(&self) -> &ConnectorId {
        self.guest.id()
    }

    fn digest(&self) -> &str {
        self.guest.digest()
    }

    fn lanes(&self) -> usize {
        self.guest.lanes()
    }

    fn recall(&self, lane: usize) -> Option<String> {
        self.guest.recall(lane)
    }

    fn interests(&self) -> Interests {
        self.shadows.interests(self.guest.id(), self.guest.interests())
    }

    fn consumer_configs(&self) -> &[ConsumerConfig] {
        self.guest.consumer_configs()
    }

    async fn process_batch(&self, lane: usize, messages: Arc<MessageBatch>) -> Result<WriteBatch, GuestError> {
        if !self.taps.is_on() && !self.shadows.is_on() {
            return self.guest.process_batch(lane, messages).await;
        }
        let begun = Instant::now();
        // With a candidate, the batch has its columns, too.
        let own = match self.shadows.is_on() {
            true => Arc::new(columns::of_messages(&messages, self.guest.interests())),
            false => messages.clone(),
        };
        let made = self.guest.process_batch(lane, own).await;
        let took = begun.elapsed();
        (self.shadows).offer(self.guest.id(), begun, || {
            Passed::Sink(messages.clone(), made.clone(), took)
        });
        let (connector, secrets) = (self.guest.id(), &self.secrets);
        let call = Call { connector, secrets };
        let sample = |i: usize| call.of_sink(i, &messages, made.as_ref());
        self.taps.offer(connector, messages.len(), sample);
        made
    }
}
