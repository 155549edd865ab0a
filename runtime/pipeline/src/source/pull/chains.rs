//! What each stream publishes, one call's records after the other, each tried until the broker has them.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Result as BrokerResult};
use danube_wasm_model::{clock, upstream::StreamId};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    breaker::Permit,
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    source::{
        lane::Ready,
        refuse::refuse,
        shared::{Pending, Shared, sleep_while_wanted},
    },
    status::Cause,
};

/// Of how many streams the last call is remembered before those that are settled are forgotten.
const TAILS_MAX: usize = 256;

/// The records of one lane's calls on their way to the broker.
#[derive(Default)]
pub(crate) struct Chains {
    /// What the next call of each stream waits for.
    tails: HashMap<StreamId, oneshot::Receiver<()>>,
    /// Streams of which a call was added, since the lane has looked.
    added: Vec<StreamId>,
    settled: Option<mpsc::UnboundedSender<StreamId>>,
}

/// What one call made of events of one stream, in order.
struct Unit {
    groups: Vec<Ready>,
    /// Dropped when the next one may go.
    goes_on: Option<oneshot::Sender<()>>,
    _settled: Settled,
}

/// Tells the lane when this is dropped.
struct Settled(StreamId, Option<mpsc::UnboundedSender<StreamId>>);

impl Drop for Settled {
    fn drop(&mut self) {
        if let Some(lane) = &self.1 {
            let _ = lane.send(self.0.clone());
        }
    }
}

impl Chains {
    /// Tells this lane of each call that is settled.
    pub(super) fn telling(settled: mpsc::UnboundedSender<StreamId>) -> Self {
        Self {
            settled: Some(settled),
            ..Self::default()
        }
    }

    /// Streams of which a call was added since this was asked last, one for each.
    pub(super) fn added(&mut self) -> impl Iterator<Item = StreamId> {
        self.added.drain(..)
    }

    /// These go to the broker after all that was added for their stream before.
    pub(crate) fn push(&mut self, shared: &Arc<Shared>, groups: Vec<Ready>, answering: &mut JoinSet<()>) {
        let Some(stream) = wanted(&groups)
            .and_then(Pending::ticket)
            .map(|ticket| ticket.stream().clone())
        else {
            return;
        };
        let (goes_on, tail) = oneshot::channel();
        if self.tails.len() >= TAILS_MAX {
            self.tails
                .retain(|_, tail| tail.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        }
        let before = self.tails.insert(stream.clone(), tail);
        self.added.push(stream.clone());
        let unit = Unit {
            groups,
            goes_on: Some(goes_on),
            _settled: Settled(stream, self.settled.clone()),
        };
        let guard = shared.guard();
        let shared = shared.clone();
        answering.spawn(guard.run("what publishes", async move {
            if let Some(before) = before {
                // Never sent: the one before is dropped when it is settled.
                let _ = before.await;
            }
            unit.publish(&shared).await;
            shared.count_in_flight();
        }));
    }
}

impl Unit {
    /// All of it or nothing, so that nothing of it overtakes what fails. If that is too large, one group after the other.
    async fn publish(mut self, shared: &Arc<Shared>) {
        let groups = std::mem::take(&mut self.groups);
        let Err((groups, error)) = self.insist(shared, groups).await else {
            return;
        };
        if groups.len() <= 1 {
            return refuse_all(shared, groups, &error).await;
        }
        for group in groups {
            if let Err((group, error)) = self.insist(shared, vec![group]).await {
                refuse_all(shared, group, &error).await;
            }
        }
    }

    /// Publishes as one group, as often as it takes; gives it back if it is too large. What is wanted no more is left out.
    async fn insist(&mut self, shared: &Shared, mut groups: Vec<Ready>) -> Result<(), (Vec<Ready>, BrokerError)> {
        let mut backoff = shared.waits.start();
        while let Some(permit) = permit(shared, &mut groups).await {
            let records: Vec<_> = groups.iter().flat_map(|(_, records)| records.iter().cloned()).collect();
            if mutants::is(Mutant::ConfirmBeforeCommit) {
                groups.drain(..).for_each(|(group, _)| group.accept(shared, true));
            }
            let result = hand_over(shared, permit, &groups, records).await;
            match result {
                Ok(published) => {
                    shared.status.well(Cause::Broker);
                    let done = groups.into_iter();
                    done.for_each(|(group, _)| group.accept(shared, published.durable));
                    failpoints::reach(FailPoint::SourceAnswered);
                    return Ok(());
                }
                Err(error) if error.kind == ErrorKind::TooLarge => return Err((groups, error)),
                Err(error) => {
                    let wait = backoff.next(None);
                    tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, tries = backoff.tries(), wait_ms = clock::millis(wait), "records were not published; they are tried again");
                    shared.status.held_up(Cause::Broker, error.message);
                    if mutants::is(Mutant::ReorderAfterRetry) {
                        self.goes_on = None;
                    }
                    sleep_while_wanted(wanted(&groups), wait).await;
                }
            }
        }
        Ok(())
    }
}

/// Leave to publish what of these is still wanted, unless that is nothing.
async fn permit(shared: &Shared, groups: &mut Vec<Ready>) -> Option<Permit> {
    loop {
        groups.retain(|(group, _)| group.members.iter().any(|(pending, _)| pending.is_wanted()));
        let ticket = wanted(groups)?.ticket()?;
        tokio::select! {
            biased;
            () = ticket.gone() => {}
            permit = shared.publishing.permit() => return Some(permit),
        }
    }
}

fn wanted(groups: &[Ready]) -> Option<&Pending> {
    let (group, _) = groups.first()?;
    group.members.first().map(|(pending, _)| pending)
}

async fn hand_over(
    shared: &Shared,
    permit: Permit,
    groups: &[Ready],
    records: Vec<Outgoing>,
) -> BrokerResult<Published> {
    let started = SystemTime::now();
    let committed = shared.publisher.publish(vec![records]);
    failpoints::reach(FailPoint::SourceHandedOver);
    let no_answer = || Err(BrokerError::new(ErrorKind::Unavailable, "the broker did not answer"));
    let result = committed.await.pop().unwrap_or_else(no_answer);
    failpoints::reach(FailPoint::SourcePublished);
    match result.as_ref().is_err_and(BrokerError::is_transient) {
        true => drop(permit.failed(None)),
        false => permit.succeeded(),
    }
    let members = groups.iter().flat_map(|(group, _)| &group.members);
    let events = members.map(|(pending, _)| &pending.event);
    shared.probe.published(started, events, result.as_ref().err());
    result
}

async fn refuse_all(shared: &Arc<Shared>, groups: Vec<Ready>, error: &BrokerError) {
    for (group, _) in groups {
        for (pending, refusal) in group.too_large(shared, error) {
            refuse(shared.clone(), pending, refusal, None).await;
        }
    }
}
