//! What became of writes, and of the messages whose writes are all done.

use std::{collections::HashMap, time::Duration};

use danube_wasm_model::door::{Later, WriteReport};
use tokio::{task::coop::consume_budget, time::Instant};

use super::{
    lane::Lane,
    outstanding::WaitFor,
    poison::{Poison, Stop},
    write_list::WriteList,
};
use crate::{
    mutants::{self, Mutant},
    status::Cause,
};

impl Lane {
    /// Takes note of what became of each write.
    pub(super) async fn report(&mut self, list: WriteList, report: WriteReport) {
        let mut refused: HashMap<usize, String> = report.refused.into_iter().collect();
        let put_off = self.put_off(&report.later);
        for (place, (mut write, mut tag)) in list.into_items().enumerate() {
            consume_budget().await;
            match put_off.get(&place).filter(|_| !mutants::is(Mutant::LaterIsDone)) {
                Some(retry_after) => {
                    write.redelivered = true;
                    let backoff = tag.backoff.get_or_insert_with(|| self.shared.backoff.start());
                    let at = Instant::now() + backoff.next(*retry_after);
                    self.outstanding.wait(write, tag, WaitFor::Time(at));
                }
                None => self.outstanding.done(&tag, refused.remove(&place)),
            }
        }
        if self.outstanding.put_off() == 0 {
            let cause = Cause::PutOff(self.shared.subscription, self.lane);
            self.shared.status.recover(cause);
        }
    }

    /// Says which writes the target has put off, and gives for each how long it wants to wait.
    fn put_off(&self, later: &[Later]) -> HashMap<usize, Option<Duration>> {
        for Later { places, message, .. } in later {
            let connector = self.shared.guest.id();
            tracing::warn!(%connector, writes = places.len(), error = %message, "the target has put off some writes; they are tried again");
            let cause = Cause::PutOff(self.shared.subscription, self.lane);
            self.shared.status.degrade(cause, message);
        }
        let places = |later: &Later| {
            later
                .places
                .iter()
                .map(|place| (*place, later.retry_after))
                .collect::<Vec<_>>()
        };
        later.iter().flat_map(places).collect()
    }

    /// Acknowledges the messages whose writes are all done, and deals with those that are poisonous.
    pub(super) async fn finish(&mut self) -> Result<(), Stop> {
        let finished = self.outstanding.take_finished();
        let (done, poisonous): (Vec<_>, Vec<_>) = finished.into_iter().partition(|message| message.poison.is_none());
        if !mutants::is(Mutant::AckBeforeWrite) {
            // First: the lane may have to stop at one that is poisonous.
            self.acknowledge(done.into_iter().map(|done| done.message).collect());
        }
        for message in poisonous {
            let Some((reason, why)) = message.poison else { continue };
            let poison = Poison {
                message: message.message,
                reason,
                why,
                backtrace: Vec::new(),
                attempts: message.attempts,
            };
            self.handle_poison(poison).await?;
        }
        Ok(())
    }
}
