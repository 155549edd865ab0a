//! What a lane does with what it cannot process: wait, dead-letter, give back to the broker, stop.

use std::{future::Future, sync::Arc, time::Duration};

use danube_wasm_broker::{BrokerError, Message};
use danube_wasm_model::{OnPoison, clock};
use tokio::time::Instant;

use super::{Shared, lane::Lane};
use crate::{
    backoff::Backoff,
    breaker::{Breaker, Permit},
    dead_letter::{DeadLetter, Reason},
    error_budget::{BudgetExceeded, Reservation},
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    status::Cause,
};

/// The lane must stop: it was asked to, or the connector has failed. What it has stays unacknowledged.
pub(super) struct Stop;

/// A message that cannot be processed, and why.
pub(super) struct Poison {
    pub(super) message: Message,
    pub(super) reason: Reason,
    pub(super) why: String,
    pub(super) backtrace: Vec<String>,
    /// Calls of the component that it was part of.
    pub(super) attempts: u32,
}

/// How soon a message behind a blocked key is offered again.
const BLOCKED_RETRY: Duration = Duration::from_secs(1);

impl Lane {
    /// Deals with a poisonous message as the policy says.
    pub(super) async fn handle_poison(&mut self, poison: Poison) -> Result<(), Stop> {
        let Poison {
            message,
            reason,
            why,
            backtrace,
            attempts,
        } = poison;
        self.shared.instruments.failed(message.topic.as_str(), reason.as_str());
        match self.shared.policy.on_poison {
            OnPoison::DeadLetter => {
                let reservation = self.reserve_dead_letter().await?;
                // What cannot be decoded was in no call.
                let recording = match reason {
                    Reason::Undecodable => None,
                    _ => self.shared.guest.recall(self.lane),
                };
                let letter =
                    DeadLetter::of_message(&message, reason, why, backtrace, attempts).with_recording(recording);
                let shared = self.shared.clone();
                failpoints::reach(FailPoint::SinkLetterDue);
                if mutants::is(Mutant::AckBeforeLetter) {
                    self.acknowledge(vec![message]);
                    return self.until_done(|| shared.dead_letters.write(&letter)).await.map(drop);
                }
                self.until_done(|| shared.dead_letters.write(&letter)).await?;
                reservation.written();
                failpoints::reach(FailPoint::SinkLetterKept);
                self.shared.instruments.dead_letter(reason);
                self.acknowledge(vec![message]);
                Ok(())
            }
            OnPoison::BlockKey => {
                let delay = self.blocked.block(&message);
                let connector = self.shared.guest.id();
                tracing::warn!(%connector, id = %message.id, reason = reason.as_str(), %why, delay_ms = clock::millis(delay), "a poisonous message blocks its key");
                let blocks = format!("message {} blocks its key: {why}", message.id);
                let cause = Cause::BlockedKey(self.shared.subscription, self.lane);
                self.shared.status.degrade(cause, blocks);
                self.give_back(&[&message], delay).await
            }
            OnPoison::Stop => Err(self.fail(format!(
                "message {} cannot be processed and on_poison = \"stop\": {why}",
                message.id
            ))),
        }
    }

    /// Room for a dead letter in the connector's budget. Other lanes may be writing some, too.
    async fn reserve_dead_letter(&self) -> Result<Reservation, Stop> {
        let mut backoff = self.shared.backoff.start();
        loop {
            match self.shared.dead_letters.reserve() {
                Ok(reservation) => return Ok(reservation),
                Err(BudgetExceeded::Stop(reason)) => return Err(self.fail(reason)),
                Err(BudgetExceeded::Wait(why)) => self.wait(&mut backoff, None, &why).await?,
            }
        }
    }

    /// Gives back what waits behind a blocked key; what is left may be processed.
    pub(super) async fn hold_back<T>(
        &mut self,
        items: Vec<T>,
        message: impl Fn(&T) -> &Message,
    ) -> Result<Vec<T>, Stop> {
        if self.blocked.is_empty() || mutants::is(Mutant::BlockedKeyGoesOn) {
            return Ok(items);
        }
        let (held, free): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| self.blocked.must_wait(message(item)));
        let held: Vec<_> = held.iter().map(message).collect();
        if !held.is_empty() {
            self.give_back(&held, BLOCKED_RETRY).await?;
        }
        Ok(free)
    }

    async fn give_back(&mut self, messages: &[&Message], delay: Duration) -> Result<(), Stop> {
        let acker = self.acker.clone();
        let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
        self.shared.untrack(&ids);
        self.until_done(|| acker.nack(&ids, delay)).await?;
        let due = Instant::now() + delay;
        messages
            .iter()
            .for_each(|message| self.blocked.given_back(message, due));
        Ok(())
    }

    /// Does a broker call until it succeeds.
    pub(super) async fn until_done<T, F: Future<Output = Result<T, BrokerError>> + Send>(
        &mut self,
        call: impl Fn() -> F,
    ) -> Result<T, Stop> {
        let mut backoff = self.shared.backoff.start();
        loop {
            match call().await {
                Ok(done) => {
                    self.mark_progress();
                    return Ok(done);
                }
                Err(error) if error.is_transient() => self.wait(&mut backoff, None, &error).await?,
                Err(error) => return Err(self.fail(error.to_string())),
            }
        }
    }

    /// Reports why, and waits for the next try.
    pub(super) async fn wait(
        &self,
        backoff: &mut Backoff,
        floor: Option<Duration>,
        why: &(dyn std::fmt::Display + Sync),
    ) -> Result<(), Stop> {
        let wait = backoff.next(floor);
        tracing::warn!(connector = %self.shared.guest.id(), error = %why, tries = backoff.tries(), wait_ms = clock::millis(wait), "held up; trying again");
        let cause = Cause::Lane(self.shared.subscription, self.lane);
        self.shared.status.degrade(cause, why.to_string());
        self.shared.sleep(wait).await
    }

    /// This lane waits for nothing any more.
    pub(super) fn mark_progress(&self) {
        self.shared
            .status
            .recover(Cause::Lane(self.shared.subscription, self.lane));
    }

    pub(super) fn fail(&self, reason: String) -> Stop {
        tracing::error!(connector = %self.shared.guest.id(), %reason, "the connector has stopped");
        self.shared.status.failed(reason);
        self.shared.stop.cancel();
        Stop
    }

    /// Leave to make a call, when there is one.
    pub(super) async fn permit(&self, breaker: &Arc<Breaker>) -> Result<Permit, Stop> {
        self.shared.unless_stopped(breaker.permit()).await
    }
}

impl Shared {
    /// Sleeps, unless the connector is to stop or has failed.
    pub(super) async fn sleep(&self, wait: Duration) -> Result<(), Stop> {
        self.unless_stopped(tokio::time::sleep(wait)).await
    }

    async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            // What needs no wait is done even while stopping: a lane finishes what it has.
            biased;
            done = wait => Ok(done),
            () = self.stop.cancelled() => Err(Stop),
        }
    }
}
