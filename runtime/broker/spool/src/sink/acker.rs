//! Acknowledges messages at the broker or in the log, wherever they are.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{Acker, MessageId, Result};
use tokio::time::Instant;

use super::{
    entry::{EntryNumber, Removed},
    in_flight::AckPlan,
    shared::Shared,
};

/// See [`Acker`].
pub(super) struct SpoolAcker(pub(super) Arc<Shared>);

#[async_trait]
impl Acker for SpoolAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        loop {
            // Before looking, so that nothing that moves after the look is missed.
            let copies_read = self.0.copies_read.notified();
            let plan = self.0.in_flight.lock().plan_ack(messages)?;
            let spilling = plan.spilling;
            self.finish(plan).await?;
            if !spilling {
                return Ok(());
            }
            copies_read.await;
        }
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        let due = Instant::now() + delay;
        let on_disk = self.0.in_flight.lock().nack(messages, due)?;
        // There are messages to spill and to redeliver.
        self.0.relay_woken.notify_one();
        self.nack_on_disk(on_disk, delay).await
    }
}

impl SpoolAcker {
    async fn finish(&self, plan: AckPlan) -> Result<()> {
        let at_broker = BrokerAck::new(&self.0, plan.broker.iter().map(|(number, _)| *number));
        if !plan.broker.is_empty() {
            let ids: Vec<MessageId> = plan.broker.iter().map(|(_, id)| *id).collect();
            self.0.broker_acker()?.ack(&ids).await?;
            at_broker.commit();
        }
        if !plan.disk.is_empty() {
            let places: Vec<MessageId> = plan.disk.iter().map(|(_, place, _)| *place).collect();
            self.0.disk_acker()?.ack(&places).await?;
            self.0
                .in_flight
                .lock()
                .finish_ack(plan.disk.iter().map(|(number, ..)| *number), true);
            let mut dedup = self.0.dedup.lock();
            plan.disk
                .iter()
                .for_each(|(.., fingerprint)| dedup.record_caller_ack(*fingerprint));
            drop(dedup);
            self.0.relay_woken.notify_one();
        }
        Ok(())
    }

    /// They leave `InFlight` first, so that the redelivered copies are not taken for these.
    async fn nack_on_disk(&self, on_disk: Vec<(EntryNumber, MessageId)>, delay: Duration) -> Result<()> {
        if on_disk.is_empty() {
            return Ok(());
        }
        let places: Vec<MessageId> = on_disk.iter().map(|(_, place)| *place).collect();
        let out = DiskNack::new(&self.0, on_disk.iter().map(|(number, _)| *number));
        self.0.disk_acker()?.nack(&places, delay).await?;
        out.commit();
        Ok(())
    }
}

/// Messages being acknowledged at the broker; dropped without `commit`, the acknowledgement has failed.
struct BrokerAck<'a> {
    shared: &'a Shared,
    numbers: Vec<EntryNumber>,
}

impl<'a> BrokerAck<'a> {
    fn new(shared: &'a Shared, numbers: impl Iterator<Item = EntryNumber>) -> Self {
        Self {
            shared,
            numbers: numbers.collect(),
        }
    }

    fn commit(mut self) {
        self.shared
            .in_flight
            .lock()
            .finish_ack(std::mem::take(&mut self.numbers), true);
    }
}

impl Drop for BrokerAck<'_> {
    fn drop(&mut self) {
        if !self.numbers.is_empty() {
            self.shared
                .in_flight
                .lock()
                .finish_ack(std::mem::take(&mut self.numbers), false);
        }
    }
}

/// Messages being negatively acknowledged in the log; dropped without `commit`, they are in flight as before.
struct DiskNack<'a> {
    shared: &'a Shared,
    taken: Vec<Removed>,
}

impl<'a> DiskNack<'a> {
    fn new(shared: &'a Shared, numbers: impl Iterator<Item = EntryNumber>) -> Self {
        Self {
            shared,
            taken: shared.in_flight.lock().remove_for_nack(numbers),
        }
    }

    fn commit(mut self) {
        self.taken.clear();
    }
}

impl Drop for DiskNack<'_> {
    fn drop(&mut self) {
        if !self.taken.is_empty() {
            self.shared
                .in_flight
                .lock()
                .restore_after_nack(std::mem::take(&mut self.taken));
            self.shared.relay_woken.notify_one();
        }
    }
}
