//! Acknowledges what the caller has, wherever it is by now.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use danube_wasm_broker::{Acker, BrokerError, ErrorKind, MessageId, Result};
use tokio::time::Instant;

use super::{
    consumer::Shared,
    entry::{Number, Taken},
    hand::Plan,
};

/// See [`Acker`].
pub(super) struct SpoolAcker(pub(super) Arc<Shared>);

#[async_trait]
impl Acker for SpoolAcker {
    async fn ack(&self, messages: &[MessageId]) -> Result<()> {
        loop {
            // Before looking, so that nothing that moves after the look is missed.
            let moved = self.0.moved.notified();
            let plan = self.0.hand.lock().plan(messages)?;
            let moving = plan.moving;
            self.finish(plan).await?;
            if !moving {
                return Ok(());
            }
            moved.await;
        }
    }

    async fn nack(&self, messages: &[MessageId], delay: Duration) -> Result<()> {
        let due = Instant::now() + delay;
        let on_disk = self.0.hand.lock().give_back(messages, due)?;
        // There is something to be moved, and something due.
        self.0.woken.notify_one();
        self.give_back(on_disk, delay).await
    }
}

impl SpoolAcker {
    async fn finish(&self, plan: Plan) -> Result<()> {
        let at_broker = Settling::new(&self.0, plan.broker.iter().map(|(number, _)| *number));
        if !plan.broker.is_empty() {
            let ids: Vec<MessageId> = plan.broker.iter().map(|(_, id)| *id).collect();
            self.0.at_broker()?.ack(&ids).await?;
            at_broker.done();
        }
        if !plan.disk.is_empty() {
            let places: Vec<MessageId> = plan.disk.iter().map(|(_, place, _)| *place).collect();
            self.0.on_disk()?.ack(&places).await?;
            self.0
                .hand
                .lock()
                .settled(plan.disk.iter().map(|(number, ..)| *number), true);
            let mut known = self.0.known.lock();
            plan.disk
                .iter()
                .for_each(|(.., print)| known.acknowledged_by_caller(*print));
            drop(known);
            self.0.woken.notify_one();
        }
        Ok(())
    }

    /// They leave the hand first: what comes again is not to be taken for what is here.
    async fn give_back(&self, on_disk: Vec<(Number, MessageId)>, delay: Duration) -> Result<()> {
        if on_disk.is_empty() {
            return Ok(());
        }
        let places: Vec<MessageId> = on_disk.iter().map(|(_, place)| *place).collect();
        let out = GivingBack::new(&self.0, on_disk.iter().map(|(number, _)| *number));
        self.0.on_disk()?.nack(&places, delay).await?;
        out.done();
        Ok(())
    }
}

/// Messages being acknowledged at the broker; when this ends otherwise, that failed.
struct Settling<'a> {
    shared: &'a Shared,
    numbers: Vec<Number>,
}

impl<'a> Settling<'a> {
    fn new(shared: &'a Shared, numbers: impl Iterator<Item = Number>) -> Self {
        Self {
            shared,
            numbers: numbers.collect(),
        }
    }

    fn done(mut self) {
        self.shared.hand.lock().settled(std::mem::take(&mut self.numbers), true);
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if !self.numbers.is_empty() {
            self.shared
                .hand
                .lock()
                .settled(std::mem::take(&mut self.numbers), false);
        }
    }
}

/// Messages being given back to the log; when this ends otherwise, they are as before.
struct GivingBack<'a> {
    shared: &'a Shared,
    taken: Vec<Taken>,
}

impl<'a> GivingBack<'a> {
    fn new(shared: &'a Shared, numbers: impl Iterator<Item = Number>) -> Self {
        Self {
            shared,
            taken: shared.hand.lock().take_out(numbers),
        }
    }

    fn done(mut self) {
        self.taken.clear();
    }
}

impl Drop for GivingBack<'_> {
    fn drop(&mut self) {
        if !self.taken.is_empty() {
            self.shared.hand.lock().put_back(std::mem::take(&mut self.taken));
            self.shared.woken.notify_one();
        }
    }
}

/// There is no way to acknowledge it now.
pub(super) fn out_of_reach() -> BrokerError {
    BrokerError::new(ErrorKind::Unavailable, "the broker is not in reach yet: try again")
}
