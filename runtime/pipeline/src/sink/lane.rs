//! One lane of a sink: decode, call, write, acknowledge; whatever fails on the way is retried, halved or set aside.

use std::{
    collections::HashMap,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use danube_wasm_broker::{Acker, BrokerError, Message, MessageId};
use danube_wasm_model::door::{EgressError, FailureKind, GuestError};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    OnPoison, Shared,
    blocked::BlockedKeys,
    claims::Claims,
    decode::{Decoding, decode},
    plan::{Decoded, Plan, columns},
};
use crate::{
    backoff::Backoff,
    bisect::{Next, Segment, Segments},
    dead_letter::{Letter, Reason},
    status::Status,
};

/// One lane.
pub(super) struct Lane {
    shared: Arc<Shared>,
    lane: usize,
    acker: Arc<dyn Acker>,
    acking: JoinSet<()>,
    blocked: BlockedKeys,
}

/// The lane cannot go on: it is to stop, or the connector has failed. What is in hand stays unacknowledged.
struct Halt;

/// A message that cannot be processed, and why.
struct Poison {
    message: Message,
    reason: Reason,
    why: String,
    backtrace: Vec<String>,
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
    pub(super) async fn run(mut self, mut batches: mpsc::Receiver<Vec<Message>>) {
        while let Some(batch) = batches.recv().await {
            if self.deliver(batch).await.is_err() {
                break;
            }
            while self.acking.try_join_next().is_some() {}
        }
        while self.acking.join_next().await.is_some() {}
    }

    /// Processes a batch to its end: every message is acknowledged, a dead letter, or given back.
    async fn deliver(&mut self, batch: Vec<Message>) -> Result<(), Halt> {
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
            let started = SystemTime::now();
            let columns = Arc::new(columns(&segment.items, &self.shared.guest.interests()));
            let result = self.shared.guest.process_batch(self.lane, columns).await;
            self.shared
                .probe
                .processed_batch(started, result.as_ref().err(), segment.items.iter().map(|d| &d.message));
            match result {
                Ok(writes) => {
                    claims.succeeded();
                    let plan = Plan::make(&segment.items, &writes);
                    drop(writes);
                    let again = self.write(segment, plan).await?;
                    segments.push(again);
                }
                Err(error) => self.call_failed(error, segment, &mut segments, &mut claims).await?,
            }
        }
        self.shared.probe.batch_done(begun);
        Ok(())
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
                    self.wait(&mut claims.guest, failure.retry_after, &error).await?;
                    segments.put_back(segment);
                    return Ok(());
                }
                FailureKind::Fatal | FailureKind::Configuration => return Err(self.fail(error.to_string())),
                FailureKind::Retryable | FailureKind::InvalidData => {}
            },
            _ => {}
        }
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
                })
                .await
            }
        }
    }

    /// Writes until the target has taken it, then acknowledges. Gives back what is to be processed again.
    async fn write(&mut self, segment: Segment<Decoded>, plan: Plan) -> Result<Vec<Decoded>, Halt> {
        let Plan {
            writes,
            origins,
            refused,
            again,
        } = plan;
        let mut poison: HashMap<usize, (Reason, String)> = refused
            .into_iter()
            .map(|(at, why)| (at, (Reason::Refused, why)))
            .collect();
        if !writes.is_empty() {
            let mut backoff = self.shared.backoff.start();
            let report = loop {
                let started = SystemTime::now();
                let result = self.shared.egress.write(&writes).await;
                self.shared
                    .probe
                    .wrote(started, result.as_ref().err(), segment.items.iter().map(|d| &d.message));
                match result {
                    Ok(report) => break report,
                    Err(EgressError::Configuration { message }) => return Err(self.fail(message)),
                    Err(EgressError::Transient { message, retry_after }) => {
                        self.shared
                            .probe
                            .retried(segment.items[0].message.topic.as_str(), segment.items.len());
                        self.wait(&mut backoff, retry_after, &message).await?;
                    }
                }
            };
            for (write, why) in report.refused {
                for origin in &origins[write] {
                    poison
                        .entry(*origin)
                        .or_insert_with(|| (Reason::TargetRefused, why.clone()));
                }
            }
        }
        let mut done = Vec::with_capacity(segment.items.len());
        let mut left = Vec::new();
        for (at, decoded) in segment.items.into_iter().enumerate() {
            if let Some((reason, why)) = poison.remove(&at) {
                let poison = Poison {
                    message: decoded.message,
                    reason,
                    why,
                    backtrace: Vec::new(),
                };
                self.set_aside(poison).await?;
            } else if again.binary_search(&at).is_ok() {
                left.push(decoded);
            } else {
                done.push(decoded.message);
            }
        }
        self.acknowledge(done);
        Ok(left)
    }

    /// Deals with a poisonous message as the policy says.
    async fn set_aside(&mut self, poison: Poison) -> Result<(), Halt> {
        let Poison {
            message,
            reason,
            why,
            backtrace,
        } = poison;
        self.shared.probe.failed(message.topic.as_str(), reason.as_str());
        match self.shared.policy.on_poison {
            OnPoison::DeadLetter => {
                let letter = Letter::of_message(&message, reason, why, backtrace);
                let shared = self.shared.clone();
                self.until_done(|| shared.dead_letters.write(&letter)).await?;
                self.shared.probe.dead_letter(reason);
                self.acknowledge(vec![message]);
                Ok(())
            }
            OnPoison::BlockKey => {
                let delay = self.blocked.block(&message);
                let connector = self.shared.guest.id();
                tracing::warn!(%connector, id = %message.id, reason = reason.as_str(), %why, delay_ms = delay.as_millis(), "a poisonous message blocks its key");
                self.shared
                    .status
                    .degraded(format!("message {} blocks its key: {why}", message.id));
                self.give_back(&[message.message_id], delay).await
            }
            OnPoison::Stop => Err(self.fail(format!(
                "message {} cannot be processed and on_poison = \"stop\": {why}",
                message.id
            ))),
        }
    }

    /// Gives back what waits behind a blocked key; what is left may be processed.
    async fn hold_back<T>(&mut self, items: Vec<T>, message: impl Fn(&T) -> &Message) -> Result<Vec<T>, Halt> {
        if self.blocked.is_empty() {
            return Ok(items);
        }
        let (held, free): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| self.blocked.holds(message(item)));
        let ids: Vec<_> = held.iter().map(|item| message(item).message_id).collect();
        if !ids.is_empty() {
            self.give_back(&ids, BLOCKED_RETRY).await?;
        }
        Ok(free)
    }

    async fn decode(&mut self, batch: Vec<Message>) -> Result<Vec<Decoded>, Halt> {
        let mut decoded = Vec::with_capacity(batch.len());
        for message in batch {
            let mut backoff = self.shared.backoff.start();
            loop {
                match decode(&self.shared.schemas, self.shared.expected_subject.as_deref(), &message).await {
                    Decoding::Done { payload, schema } => {
                        decoded.push(Decoded {
                            message,
                            payload,
                            schema,
                        });
                        break;
                    }
                    Decoding::Never(why) => {
                        let poison = Poison {
                            message,
                            reason: Reason::Undecodable,
                            why,
                            backtrace: Vec::new(),
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
    fn acknowledge(&mut self, done: Vec<Message>) {
        if done.is_empty() {
            return;
        }
        for message in &done {
            self.blocked.release(message);
            self.shared.probe.processed(message.topic.as_str(), 1);
        }
        // Whatever held it up is over.
        if self.blocked.is_empty() {
            self.shared.status.running();
        }
        let ids: Vec<_> = done.iter().map(|m| m.message_id).collect();
        let (shared, acker) = (self.shared.clone(), self.acker.clone());
        self.shared.let_go(ids.len());
        self.acking.spawn(async move {
            let mut backoff = shared.backoff.start();
            while let Err(error) = acker.ack(&ids).await {
                let wait = backoff.next(None);
                tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, "acknowledgements were not taken");
                if !error.is_transient() || shared.sleep(wait).await.is_err() {
                    break;
                }
            }
        });
    }

    async fn give_back(&mut self, ids: &[MessageId], delay: Duration) -> Result<(), Halt> {
        let (acker, ids) = (self.acker.clone(), ids.to_vec());
        self.shared.let_go(ids.len());
        self.until_done(|| acker.nack(&ids, delay)).await
    }

    /// Does a broker call until it succeeds.
    async fn until_done<F: Future<Output = Result<(), BrokerError>> + Send>(
        &mut self,
        call: impl Fn() -> F,
    ) -> Result<(), Halt> {
        let mut backoff = self.shared.backoff.start();
        loop {
            match call().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_transient() => self.wait(&mut backoff, None, &error).await?,
                Err(error) => return Err(self.fail(error.to_string())),
            }
        }
    }

    /// Says what is in the way and waits for the next try.
    async fn wait(
        &self,
        backoff: &mut Backoff,
        floor: Option<Duration>,
        why: &(dyn std::fmt::Display + Sync),
    ) -> Result<(), Halt> {
        let wait = backoff.next(floor);
        tracing::warn!(connector = %self.shared.guest.id(), error = %why, tries = backoff.tries(), wait_ms = wait.as_millis(), "held up; trying again");
        self.shared.status.degraded(why.to_string());
        self.shared.sleep(wait).await
    }

    fn fail(&self, reason: String) -> Halt {
        tracing::error!(connector = %self.shared.guest.id(), %reason, "the connector has stopped");
        self.shared.status.failed(reason);
        Halt
    }
}

/// How soon a message behind a blocked key is offered again.
const BLOCKED_RETRY: Duration = Duration::from_secs(1);

impl Shared {
    /// Sleeps, unless the connector is to stop or has failed.
    async fn sleep(&self, wait: Duration) -> Result<(), Halt> {
        let mut stop = self.stop.clone();
        let mut status = self.status.subscribe();
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            _ = stop.wait_for(|stop| *stop) => Err(Halt),
            _ = status.wait_for(|status| matches!(status, Status::Failed(_))) => Err(Halt),
        }
    }
}
