//! Writes what a call of the component made, until the target has taken it.

use std::{collections::HashMap, time::SystemTime};

use danube_wasm_model::{
    clock,
    door::{EgressError, Write, WriteReport},
};
use tokio::task::coop::consume_budget;

use super::{
    lane::Lane,
    plan::{Decoded, Plan},
    poison::{Poison, Stop},
};
use crate::{
    bisect::Segment,
    dead_letter::Reason,
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    status::Cause,
};

impl Lane {
    /// Writes until the target has taken it, then acknowledges. Gives back what is to be processed again.
    pub(super) async fn write(&mut self, segment: Segment<Decoded>, plan: Plan) -> Result<Vec<Decoded>, Stop> {
        let mut poison: HashMap<usize, (Reason, String)> = HashMap::new();
        poison.extend(plan.refused.into_iter().map(|(at, why)| (at, (Reason::Refused, why))));
        if mutants::is(Mutant::AckBeforeWrite) {
            self.acknowledge(segment.items.iter().map(|d| d.message.clone()).collect());
        }
        if !plan.writes.is_empty() {
            let report = self.until_written(&segment, &plan.writes).await?;
            for (write, why) in report.refused {
                for origin in &plan.origins[write] {
                    consume_budget().await;
                    poison
                        .entry(*origin)
                        .or_insert_with(|| (Reason::TargetRefused, why.clone()));
                }
            }
        }
        self.finish(segment, poison, &plan.again).await
    }

    /// Holds the writes while the target does not take them.
    async fn until_written(&self, segment: &Segment<Decoded>, writes: &[Write]) -> Result<WriteReport, Stop> {
        loop {
            let permit = self.permit(&self.shared.target).await?;
            // A slot is held for one write only, so a lane that is to stop gets one, too.
            let slot = self.shared.writers.slot().await;
            let started = SystemTime::now();
            let result = self.shared.egress.write(writes).await;
            let messages = segment.items.iter().map(|d| &d.message);
            self.shared.probe.wrote(started, result.as_ref().err(), messages);
            match result {
                Ok(report) => {
                    failpoints::reach(FailPoint::SinkWritten);
                    permit.succeeded();
                    self.shared.status.recover(Cause::Target);
                    slot.wrote(segment.items.len());
                    return Ok(report);
                }
                Err(EgressError::Configuration { message }) => return Err(self.fail(message)),
                Err(EgressError::Transient { message, retry_after }) => {
                    let topic = segment.items[0].message.topic.as_str();
                    self.shared.probe.retried(topic, segment.items.len());
                    slot.failed();
                    let wait_ms = permit.failed(retry_after).map(clock::millis);
                    tracing::warn!(connector = %self.shared.guest.id(), error = %message, tries = self.shared.target.failures(), wait_ms, "the target did not take a batch; it is held and tried again");
                    self.shared.status.degrade(Cause::Target, message);
                    if mutants::is(Mutant::TransientIsDone) {
                        return Ok(WriteReport::default());
                    }
                }
            }
        }
    }

    /// Deals with what is poisonous and acknowledges the rest, except what is to be processed `again`.
    async fn finish(
        &mut self,
        segment: Segment<Decoded>,
        mut poison: HashMap<usize, (Reason, String)>,
        again: &[usize],
    ) -> Result<Vec<Decoded>, Stop> {
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
                self.handle_poison(poison).await?;
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
}
