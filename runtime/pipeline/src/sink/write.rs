//! Writes what a call of the component made, and what waits of earlier ones.

use std::{collections::HashMap, time::SystemTime};

use danube_wasm_model::{
    clock,
    door::{EgressError, WriteReport},
};
use tokio::task::coop::consume_budget;

use super::{
    lane::Lane,
    outstanding::WaitFor,
    plan::{Decoded, Plan},
    poison::Stop,
    target_holds::{Access, Trial},
    write_list::WriteList,
};
use crate::{
    bisect::Segment,
    dead_letter::Reason,
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    status::Cause,
};

impl Lane {
    /// Writes what can be written now, then acknowledges what is done. Gives back what is to be processed again.
    pub(super) async fn write(&mut self, segment: Segment<Decoded>, plan: Plan) -> Result<Vec<Decoded>, Stop> {
        if mutants::is(Mutant::AckBeforeWrite) {
            self.acknowledge(segment.items.iter().map(|d| d.message.clone()).collect());
        }
        let (list, again) = self.begin(segment, plan).await;
        self.write_now(list).await?;
        self.finish().await?;
        self.write_ready().await?;
        Ok(again)
    }

    /// Writes what needs wait no longer.
    pub(super) async fn write_ready(&mut self) -> Result<(), Stop> {
        while !self.outstanding.is_idle() {
            let ready = self.outstanding.take_ready(&self.shared.target_holds);
            if ready.is_empty() {
                break;
            }
            self.write_now(ready).await?;
            self.finish().await?;
        }
        Ok(())
    }

    /// Takes up a segment's messages and writes. What must wait for an earlier write does.
    async fn begin(&mut self, segment: Segment<Decoded>, plan: Plan) -> (WriteList, Vec<Decoded>) {
        let shared = self.shared.clone();
        let (rules, attempts) = (shared.rules(), segment.calls());
        let mut refused: HashMap<usize, String> = plan.refused.into_iter().collect();
        let mut again = Vec::new();
        let mut ids = Vec::with_capacity(segment.items.len());
        for (at, decoded) in segment.items.into_iter().enumerate() {
            if plan.again.binary_search(&at).is_ok() {
                again.push(decoded);
                ids.push(None);
                continue;
            }
            let poison = refused.remove(&at).map(|why| (Reason::Refused, why));
            let key = rules.order_key(&decoded.message);
            ids.push(Some(self.outstanding.add(decoded.message, key, attempts, poison)));
        }
        let mut list = WriteList::default();
        for (write, origins) in plan.writes.into_iter().zip(plan.origins) {
            consume_budget().await;
            // Those that are processed again have no writes.
            let origins = origins.into_iter().filter_map(|at| ids[at]).collect();
            let tag = self.outstanding.tag(origins);
            match self.outstanding.must_wait(&write, &tag) {
                true => self.outstanding.wait(write, tag, WaitFor::Predecessor),
                false => list.push(write, tag),
            }
        }
        ids.into_iter().flatten().for_each(|id| self.outstanding.complete(id));
        (list, again)
    }

    /// Writes until each is done, refused, or waits.
    async fn write_now(&mut self, mut list: WriteList) -> Result<(), Stop> {
        loop {
            let trials = self.enter_targets(&mut list);
            if list.is_empty() {
                return Ok(());
            }
            let permit = self.permit(&self.shared.target).await?;
            // A slot is held for one write only, so a lane that is to stop gets one, too.
            let slot = self.shared.writers.slot().await;
            let started = SystemTime::now();
            let result = self.shared.egress.write(&list.writes).await;
            self.count_call(&list, started, result.as_ref().err());
            let error = match result {
                Ok(report) => {
                    failpoints::reach(FailPoint::SinkWritten);
                    permit.succeeded();
                    trials.into_iter().for_each(Trial::succeeded);
                    self.shared.status.recover(Cause::Target);
                    slot.wrote(list.writes.len());
                    self.report(list, report).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            list.maybe_written();
            let (message, retry_after) = match error {
                EgressError::Configuration { message } => return Err(self.fail(message)),
                EgressError::Unfit { target, message } if list.targets().contains(&target) => {
                    permit.succeeded();
                    self.hold_target(&target, message);
                    continue;
                }
                EgressError::Unfit { message, .. } => (message, None),
                EgressError::Transient { message, retry_after } => (message, retry_after),
            };
            slot.failed();
            let wait_ms = permit.failed(retry_after).map(clock::millis);
            tracing::warn!(connector = %self.shared.guest.id(), error = %message, tries = self.shared.target.failures(), wait_ms, "the target did not take a batch; it is held and tried again");
            self.shared.status.degrade(Cause::Target, message);
            if mutants::is(Mutant::TransientIsDone) {
                self.report(list, WriteReport::default()).await;
                return Ok(());
            }
        }
    }

    fn count_call(&self, list: &WriteList, started: SystemTime, error: Option<&EgressError>) {
        let instruments = &self.shared.instruments;
        let messages = || {
            list.origins()
                .filter_map(|id| Some(&self.outstanding.message(id)?.message))
        };
        if error.is_some()
            && let Some(first) = messages().next()
        {
            instruments.retried(first.topic.as_str(), messages().count());
        }
        instruments.wrote(started, error, messages());
    }

    /// Leave to write to the held targets whose turn it is. The writes to the others wait, with what follows them.
    fn enter_targets(&mut self, list: &mut WriteList) -> Vec<Trial> {
        let (mut trials, mut held) = (Vec::new(), Vec::new());
        if !self.shared.target_holds.any() {
            return trials;
        }
        for target in list.targets() {
            match self.shared.target_holds.enter(&target) {
                Access::Free => {}
                Access::Trial(trial) => trials.push(trial),
                Access::Wait => held.push(target),
            }
        }
        if held.is_empty() {
            return trials;
        }
        for (write, tag) in std::mem::take(list).into_items() {
            if held.contains(&write.target) {
                self.outstanding.wait(write, tag, WaitFor::Target);
            } else if self.outstanding.must_wait(&write, &tag) {
                self.outstanding.wait(write, tag, WaitFor::Predecessor);
            } else {
                list.push(write, tag);
            }
        }
        trials
    }

    fn hold_target(&self, target: &str, message: String) {
        let connector = self.shared.guest.id();
        let wait = self.shared.target_holds.hold(target, &message);
        let wait_ms = clock::millis(wait);
        tracing::warn!(%connector, target, error = %message, wait_ms, "a target cannot take writes; they wait, and those to other targets go on");
    }
}
