//! One lane of a sink: decode, call, write, acknowledge; whatever fails on the way is retried, halved or set aside.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use danube_wasm_broker::{Acker, Message, MessageId};
use danube_wasm_model::{
    OnPoison, clock,
    door::{EgressError, FailureKind, GuestError, WriteReport},
};
use tokio::task::{JoinSet, coop::consume_budget};

use super::{
    Shared,
    aside::{Halt, Poison},
    blocked::BlockedKeys,
    claims::Claims,
    decode::{Decoding, decode},
    plan::{Decoded, Plan, columns},
    reader::Batches,
    replayed,
};
use crate::{
    bisect::{Next, Segment, Segments},
    dead_letter::Reason,
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    status::Cause,
};

/// One lane.
pub(super) struct Lane {
    pub(super) shared: Arc<Shared>,
    pub(super) lane: usize,
    pub(super) acker: Arc<dyn Acker>,
    acking: JoinSet<()>,
    pub(super) blocked: BlockedKeys,
}

impl Lane {
    pub(super) fn new(shared: Arc<Shared>, lane: usize, acker: Arc<dyn Acker>) -> Self {
        let blocked = BlockedKeys::new(shared.backoff);
        Self {
            shared,
            lane,
            acker,
            acking: JoinSet::new(),
            blocked,
        }
    }

    /// Runs until the reader hangs up or the lane cannot go on.
    pub(super) async fn run(mut self, mut batches: Batches) {
        while let Some(batch) = batches.next().await {
            if mutants::is(Mutant::LoseOnDrain) && self.shared.halt.is_cancelled() {
                self.acknowledge(batch);
                continue;
            }
            if self.deliver(batch).await.is_err() {
                break;
            }
            while self.acking.try_join_next().is_some() {}
        }
        if mutants::is(Mutant::AbandonAcks) {
            self.acking.abort_all();
        }
        while self.acking.join_next().await.is_some() {}
    }

    /// Processes a batch to its end: every message is acknowledged, a dead letter, or given back.
    async fn deliver(&mut self, batch: Vec<Message>) -> Result<(), Halt> {
        let batch = self.for_this_connector(batch);
        let batch = self.hold_back(batch, |message| message).await?;
        let batch = self.decode(batch).await?;
        let begun = SystemTime::now();
        let mut segments = Segments::new(batch);
        let mut claims = Claims::new(self.shared.backoff);
        while let Some(mut segment) = segments.pop() {
            segment.items = self.hold_back(segment.items, |decoded| &decoded.message).await?;
            if segment.items.is_empty() {
                continue;
            }
            let permit = self.permit(&self.shared.component).await?;
            let started = SystemTime::now();
            let columns = Arc::new(columns(&segment.items, &self.shared.guest.interests()));
            let result = self.shared.guest.process_batch(self.lane, columns).await;
            self.shared
                .probe
                .processed_batch(started, result.as_ref().err(), segment.items.iter().map(|d| &d.message));
            permit.settle(self.shared.guest.id(), &self.shared.status, &result);
            match result {
                Ok(writes) => {
                    failpoints::reach(FailPoint::SinkProcessed);
                    claims.succeeded();
                    self.goes_on();
                    let plan = Plan::make(&segment.items, &writes, self.shared.egress.targets()).await;
                    drop(writes);
                    self.shared.probe.foreign_writes(plan.foreign);
                    if let Some(refused) = self.first_to_wait_for(&segment, &plan) {
                        segments.isolate(segment, refused);
                        continue;
                    }
                    let again = self.write(segment, plan).await?;
                    segments.push(again);
                }
                Err(error) => self.call_failed(error, segment, &mut segments, &mut claims).await?,
            }
        }
        if segments.exhausted() {
            self.shared.probe.exhausted();
            tracing::warn!(connector = %self.shared.guest.id(), "a batch was too much for one call of the component and passed in parts");
        }
        self.shared.probe.batch_done(begun);
        Ok(())
    }

    /// What was published again for another connector is done with unseen; the rest is as it was published first.
    fn for_this_connector(&mut self, batch: Vec<Message>) -> Vec<Message> {
        let guest = self.shared.guest.clone();
        let (ours, theirs): (Vec<_>, Vec<_>) = batch.into_iter().partition(|m| replayed::is_for(m, guest.id()));
        self.acknowledge(theirs);
        ours.into_iter().map(replayed::as_first_published).collect()
    }

    async fn call_failed(
        &mut self,
        error: GuestError,
        segment: Segment<Decoded>,
        segments: &mut Segments<Decoded>,
        claims: &mut Claims,
    ) -> Result<(), Halt> {
        match &error {
            GuestError::Host { .. } => {
                self.wait(&mut claims.host, None, &error).await?;
                segments.put_back(segment);
                return Ok(());
            }
            GuestError::Failure(failure) => match failure.kind {
                FailureKind::Retryable if claims.believed() => {
                    self.shared
                        .probe
                        .retried(segment.items[0].message.topic.as_str(), segment.items.len());
                    let asked = claims.wait_asked(failure.retry_after);
                    self.wait(&mut claims.guest, asked, &error).await?;
                    if mutants::is(Mutant::DropOnRetry) {
                        return Ok(());
                    }
                    segments.put_back(segment);
                    return Ok(());
                }
                FailureKind::Fatal | FailureKind::Configuration => return Err(self.fail(error.to_string())),
                FailureKind::Retryable | FailureKind::InvalidData => {}
            },
            _ => {}
        }
        let attempts = segment.calls();
        failpoints::reach(FailPoint::SinkHalving);
        match segments.failed(segment) {
            Next::Again => Ok(()),
            Next::Poison(decoded) => {
                let (reason, backtrace) = match &error {
                    GuestError::Failure(_) => (Reason::Refused, Vec::new()),
                    GuestError::Trap { backtrace, .. } => (Reason::Crashed, backtrace.clone()),
                    _ => (Reason::Crashed, Vec::new()),
                };
                self.set_aside(Poison {
                    message: decoded.message,
                    reason,
                    why: error.to_string(),
                    backtrace,
                    attempts,
                })
                .await
            }
        }
    }

    /// The first refused message, where later ones of its key have to wait for it: nothing behind it is written before
    /// it has been dealt with.
    fn first_to_wait_for(&self, segment: &Segment<Decoded>, plan: &Plan) -> Option<usize> {
        let waits = self.shared.policy.on_poison != OnPoison::DeadLetter && segment.items.len() > 1;
        plan.refused.first().filter(|_| waits).map(|(at, _)| *at)
    }

    /// Writes until the target has taken it, then acknowledges. Gives back what is to be processed again.
    async fn write(&mut self, segment: Segment<Decoded>, plan: Plan) -> Result<Vec<Decoded>, Halt> {
        let Plan {
            writes,
            origins,
            refused,
            again,
            foreign: _,
        } = plan;
        let mut poison: HashMap<usize, (Reason, String)> = refused
            .into_iter()
            .map(|(at, why)| (at, (Reason::Refused, why)))
            .collect();
        if mutants::is(Mutant::AckBeforeWrite) {
            self.acknowledge(segment.items.iter().map(|d| d.message.clone()).collect());
        }
        if !writes.is_empty() {
            let report = loop {
                let permit = self.permit(&self.shared.target).await?;
                // Whoever has a place writes and leaves, so a lane that is to stop gets its turn, too.
                let slot = self.shared.writers.slot().await;
                let started = SystemTime::now();
                let result = self.shared.egress.write(&writes).await;
                self.shared
                    .probe
                    .wrote(started, result.as_ref().err(), segment.items.iter().map(|d| &d.message));
                match result {
                    Ok(report) => {
                        failpoints::reach(FailPoint::SinkWritten);
                        permit.succeeded();
                        self.shared.status.well(Cause::Target);
                        slot.wrote(segment.items.len());
                        break report;
                    }
                    Err(EgressError::Configuration { message }) => return Err(self.fail(message)),
                    Err(EgressError::Transient { message, retry_after }) => {
                        self.shared
                            .probe
                            .retried(segment.items[0].message.topic.as_str(), segment.items.len());
                        slot.failed();
                        let wait_ms = permit.failed(retry_after).map(clock::millis);
                        tracing::warn!(connector = %self.shared.guest.id(), error = %message, tries = self.shared.target.failures(), wait_ms, "the target did not take a batch; it is held and tried again");
                        self.shared.status.held_up(Cause::Target, message);
                        if mutants::is(Mutant::TransientIsDone) {
                            break WriteReport::default();
                        }
                    }
                }
            };
            for (write, why) in report.refused {
                for origin in &origins[write] {
                    consume_budget().await;
                    poison
                        .entry(*origin)
                        .or_insert_with(|| (Reason::TargetRefused, why.clone()));
                }
            }
        }
        let attempts = segment.calls();
        let mut done = Vec::with_capacity(segment.items.len());
        let mut left = Vec::new();
        for (at, decoded) in segment.items.into_iter().enumerate() {
            if let Some((reason, why)) = poison.remove(&at) {
                let poison = Poison {
                    message: decoded.message,
                    reason,
                    why,
                    backtrace: Vec::new(),
                    attempts,
                };
                self.set_aside(poison).await?;
            } else if again.binary_search(&at).is_ok() {
                left.push(decoded);
            } else {
                done.push(decoded.message);
            }
        }
        if !mutants::is(Mutant::AckBeforeWrite) {
            self.acknowledge(done);
        }
        Ok(left)
    }

    async fn decode(&mut self, batch: Vec<Message>) -> Result<Vec<Decoded>, Halt> {
        let mut decoded = Vec::with_capacity(batch.len());
        for message in batch {
            let mut backoff = self.shared.backoff.start();
            loop {
                match decode(&self.shared.schemas, self.shared.expected_subject.as_deref(), &message).await {
                    Decoding::Done { payload, schema, types } => {
                        decoded.push(Decoded {
                            message,
                            payload,
                            schema,
                            types: types.filter(|_| self.shared.policy.schema_types),
                        });
                        break;
                    }
                    Decoding::Never(why) => {
                        let poison = Poison {
                            message,
                            reason: Reason::Undecodable,
                            why,
                            backtrace: Vec::new(),
                            attempts: 1,
                        };
                        self.set_aside(poison).await?;
                        break;
                    }
                    Decoding::NotNow(why) => self.wait(&mut backoff, None, &why).await?,
                }
            }
        }
        Ok(decoded)
    }

    /// Acknowledges beside the next batch.
    pub(super) fn acknowledge(&mut self, done: Vec<Message>) {
        if done.is_empty() {
            return;
        }
        for message in &done {
            self.blocked.release(message);
            self.shared.probe.processed(message.topic.as_str(), 1);
        }
        self.goes_on();
        if self.blocked.is_empty() {
            self.shared
                .status
                .well(Cause::BlockedKey(self.shared.subscription, self.lane));
        }
        let ids: Vec<_> = done.iter().map(|m| m.message_id).collect();
        let (shared, acker) = (self.shared.clone(), self.acker.clone());
        self.shared.let_go(&ids);
        let guard = shared.guard();
        self.acking
            .spawn(guard.run("acknowledging", acknowledge(shared, acker, ids)));
    }
}

/// Tries until the broker has the acknowledgements. What it will never take cannot be undone: the messages are written, and
/// come again, which is harmless, when the connector has subscribed anew.
async fn acknowledge(shared: Arc<Shared>, acker: Arc<dyn Acker>, ids: Vec<MessageId>) {
    let mut backoff = shared.backoff.start();
    let mut last = false;
    while let Err(error) = acker.ack(&ids).await {
        let wait = backoff.next(None);
        tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, messages = ids.len(), "acknowledgements were not taken");
        if last {
            return;
        }
        if !error.is_transient() {
            let why = format!("the broker refused {} acknowledgements: {error}", ids.len());
            return shared.guard().crashed(why);
        }
        // Told to stop meanwhile: once more, at once.
        last = shared.sleep(wait).await.is_err();
    }
    failpoints::reach(FailPoint::SinkAcknowledged);
}
