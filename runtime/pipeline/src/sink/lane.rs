//! One lane of a sink: decode, call, write, acknowledge; failures are retried, halved or dead-lettered.

use std::{sync::Arc, time::SystemTime};

use danube_wasm_broker::{Acker, Message};
use danube_wasm_model::{
    OnPoison,
    door::{FailureKind, GuestError},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Shared,
    blocked::BlockedKeys,
    decode::{Decoding, decode},
    outstanding::Outstanding,
    plan::{Decoded, Plan, columns},
    poison::{Poison, Stop},
    reader::Batches,
    replayed,
};
use crate::{
    bisect::{self, Segment, Segments},
    dead_letter::Reason,
    failpoints::{self, FailPoint},
    guest_retry_budget::GuestRetryBudget,
    mutants::{self, Mutant},
};

/// One lane.
pub(super) struct Lane {
    pub(super) shared: Arc<Shared>,
    pub(super) lane: usize,
    pub(super) acker: Arc<dyn Acker>,
    pub(super) acking: JoinSet<()>,
    pub(super) blocked: BlockedKeys,
    pub(super) outstanding: Outstanding,
}

/// What a lane does next.
enum Next {
    Batch(Vec<Message>),
    /// Writes that waited may be ready.
    Ready,
    /// There will be no more batches.
    End,
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
            outstanding: Outstanding::default(),
        }
    }

    /// Runs until the reader has ended or the lane must stop.
    pub(super) async fn run(mut self, mut batches: Batches) {
        loop {
            let worked = match self.next(&mut batches).await {
                Next::Batch(batch) if mutants::is(Mutant::LoseOnDrain) && self.shared.stop.is_cancelled() => {
                    self.acknowledge(batch);
                    Ok(())
                }
                Next::Batch(batch) => self.deliver(batch).await,
                Next::Ready => self.write_ready().await,
                Next::End => {
                    // What is not ready stays unacknowledged.
                    let _ = self.write_ready().await;
                    break;
                }
            };
            if worked.is_err() {
                break;
            }
            while self.acking.try_join_next().is_some() {}
        }
        if mutants::is(Mutant::AbandonAcks) {
            self.acking.abort_all();
        }
        while self.acking.join_next().await.is_some() {}
    }

    /// The next batch, or that writes that waited may be ready.
    async fn next(&self, batches: &mut Batches) -> Next {
        let of = |batch: Option<_>| batch.map_or(Next::End, Next::Batch);
        if self.outstanding.is_idle() {
            return of(batches.next().await);
        }
        let holds = &self.shared.target_holds;
        // Before looking, so that none is missed.
        let released = holds.released();
        let due = self.outstanding.due(holds).unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            batch = batches.next() => of(batch),
            () = sleep_until(due) => Next::Ready,
            () = released => Next::Ready,
        }
    }

    /// Processes a batch: every message is acknowledged, a dead letter, given back, or has writes that wait.
    async fn deliver(&mut self, batch: Vec<Message>) -> Result<(), Stop> {
        let batch = self.for_this_connector(batch);
        let batch = self.hold_back(batch, |message| message).await?;
        let batch = self.decode(batch).await?;
        let begun = SystemTime::now();
        let mut segments = Segments::new(batch);
        let mut retries = GuestRetryBudget::new(self.shared.backoff);
        while let Some(mut segment) = segments.pop() {
            segment.items = self.hold_back(segment.items, |decoded| &decoded.message).await?;
            if segment.items.is_empty() {
                continue;
            }
            let permit = self.permit(&self.shared.component).await?;
            // One message at a time is let through: so it is called apart from its neighbours.
            if permit.is_probe() && segment.items.len() > 1 {
                segments.isolate(segment, 0);
                continue;
            }
            let started = SystemTime::now();
            let columns = Arc::new(columns(&segment.items, &self.shared.guest.interests()));
            let result = self.shared.guest.process_batch(self.lane, columns).await;
            self.shared.instruments.processed_batch(
                started,
                result.as_ref().err(),
                segment.items.iter().map(|d| &d.message),
            );
            match &result {
                // While a failed batch is halved, it crashes again and again until the one message is found. That is one failure.
                Err(error) if error.is_crash() && !permit.is_probe() && !segment.has_failed_alone() => drop(permit),
                result => permit.record(self.shared.guest.id(), &self.shared.status, result),
            }
            match result {
                Ok(writes) => {
                    failpoints::reach(FailPoint::SinkProcessed);
                    retries.succeeded();
                    self.mark_progress();
                    let plan = Plan::make(&segment.items, &writes, self.shared.rules()).await;
                    drop(writes);
                    self.shared.instruments.foreign_writes(plan.foreign);
                    if let Some(refused) = self.first_to_wait_for(&segment, &plan) {
                        segments.isolate(segment, refused);
                        continue;
                    }
                    let again = self.write(segment, plan).await?;
                    segments.push(again);
                }
                Err(error) => self.call_failed(error, segment, &mut segments, &mut retries).await?,
            }
        }
        if segments.exhausted() {
            self.shared.instruments.exhausted();
            tracing::warn!(connector = %self.shared.guest.id(), "a batch was too much for one call of the component and passed in parts");
        }
        self.shared.instruments.batch_done(begun);
        Ok(())
    }

    /// What was published again for another connector is acknowledged unread; the rest is as it was published first.
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
        retries: &mut GuestRetryBudget,
    ) -> Result<(), Stop> {
        match &error {
            GuestError::Host { .. } => {
                self.wait(&mut retries.host, None, &error).await?;
                segments.put_back(segment);
                return Ok(());
            }
            GuestError::Failure(failure) => match failure.kind {
                FailureKind::Retryable if retries.allows_retry() => {
                    self.shared
                        .instruments
                        .retried(segment.items[0].message.topic.as_str(), segment.items.len());
                    let asked = retries.requested_wait(failure.retry_after);
                    self.wait(&mut retries.guest, asked, &error).await?;
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
            bisect::Next::Again => Ok(()),
            bisect::Next::Poison(decoded) => {
                let (reason, backtrace) = match &error {
                    GuestError::Failure(_) => (Reason::Refused, Vec::new()),
                    GuestError::Trap { backtrace, .. } => (Reason::Crashed, backtrace.clone()),
                    _ => (Reason::Crashed, Vec::new()),
                };
                self.handle_poison(Poison {
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

    async fn decode(&mut self, batch: Vec<Message>) -> Result<Vec<Decoded>, Stop> {
        let mut decoded = Vec::with_capacity(batch.len());
        let redelivered = self.shared.redelivered(&batch);
        for (message, redelivered) in batch.into_iter().zip(redelivered) {
            let mut backoff = self.shared.backoff.start();
            loop {
                match decode(&self.shared.schemas, self.shared.expected_subject.as_deref(), &message).await {
                    Decoding::Done { payload, schema, types } => {
                        decoded.push(Decoded {
                            message,
                            payload,
                            schema,
                            types: types.filter(|_| self.shared.policy.schema_types),
                            redelivered,
                        });
                        break;
                    }
                    Decoding::Invalid(why) => {
                        let poison = Poison {
                            message,
                            reason: Reason::Undecodable,
                            why,
                            backtrace: Vec::new(),
                            attempts: 1,
                        };
                        self.handle_poison(poison).await?;
                        break;
                    }
                    Decoding::Unavailable(why) => self.wait(&mut backoff, None, &why).await?,
                }
            }
        }
        Ok(decoded)
    }
}
