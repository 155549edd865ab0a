//! Publishes what one call made of events of one stream, until the broker has all of it.

use std::{sync::Arc, time::SystemTime};

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Result as BrokerResult};
use danube_wasm_model::clock;
use tokio::sync::oneshot;

use crate::{
    backoff::Backoff,
    breaker::Permit,
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    source::{
        publish::ReadyGroup,
        pull::Finalizer,
        refuse::refuse,
        shared::{Pending, Shared, sleep_while_live},
    },
    status::Cause,
};

/// In the order of its stream.
pub(super) struct Batch {
    groups: Vec<ReadyGroup>,
    /// Groups that are handed over together, all or none, so that none overtakes one that fails. Fewer after a failure: the
    /// broker may have no room for all, or one may be too large.
    together: usize,
    /// Dropped when the next batch of the stream may go.
    published: Option<oneshot::Sender<()>>,
}

impl Batch {
    pub(super) fn new(groups: Vec<ReadyGroup>, published: oneshot::Sender<()>) -> Self {
        Self {
            together: groups.len().max(1),
            groups,
            published: Some(published),
        }
    }

    /// What is not published now is tried again, for ever, unless its stream is lost.
    pub(super) async fn publish(mut self, shared: &Arc<Shared>) {
        let mut backoff = shared.waits.start();
        while let Some(permit) = self.permit(shared).await {
            let rest = self.groups.split_off(self.together.min(self.groups.len()));
            let mut part = std::mem::replace(&mut self.groups, rest);
            match hand_over(shared, permit, &mut part).await {
                Ok(published) => {
                    accept(shared, part, published.durable);
                    self.together = self.together.saturating_mul(2);
                    backoff = shared.waits.start();
                }
                Err(error) if error.kind == ErrorKind::TooLarge && part.len() <= 1 => {
                    refuse_all(shared, part, &error).await;
                }
                Err(error) => {
                    self.put_back(part);
                    if error.kind != ErrorKind::TooLarge {
                        self.wait(shared, error, &mut backoff).await;
                    }
                }
            }
        }
    }

    /// Leave to publish, unless there is nothing left or its stream is lost.
    async fn permit(&self, shared: &Shared) -> Option<Permit> {
        loop {
            // All are of one epoch of one stream, as those of one call are.
            let finalizer = first_event(&self.groups)?.finalizer()?;
            if !finalizer.is_live() {
                return None;
            }
            tokio::select! {
                biased;
                () = finalizer.cancelled() => {}
                permit = shared.publishing.permit() => return Some(permit),
            }
        }
    }

    fn put_back(&mut self, mut part: Vec<ReadyGroup>) {
        self.together = (part.len() / 2).max(1);
        part.append(&mut self.groups);
        self.groups = part;
    }

    async fn wait(&mut self, shared: &Shared, error: BrokerError, backoff: &mut Backoff) {
        let wait = backoff.next(None);
        tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, tries = backoff.tries(), wait_ms = clock::millis(wait), "records were not published; they are tried again");
        shared.status.degrade(Cause::Broker, error.message);
        if mutants::is(Mutant::ReorderAfterRetry) {
            self.published = None;
        }
        sleep_while_live(first_event(&self.groups), wait).await;
    }
}

pub(super) fn first_event(groups: &[ReadyGroup]) -> Option<&Pending> {
    let (group, _) = groups.first()?;
    group.members.first().map(|(pending, _)| pending)
}

/// All or nothing.
async fn hand_over(shared: &Shared, permit: Permit, groups: &mut Vec<ReadyGroup>) -> BrokerResult<Published> {
    let started = SystemTime::now();
    let records: Vec<Outgoing> = groups.iter().flat_map(|(_, records)| records.iter().cloned()).collect();
    if mutants::is(Mutant::ConfirmBeforeCommit) {
        accept(shared, std::mem::take(groups), true);
    }
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
    shared.instruments.published(started, events, result.as_ref().err());
    result
}

fn accept(shared: &Shared, groups: Vec<ReadyGroup>, durable: bool) {
    shared.status.recover(Cause::Broker);
    match durable {
        true => {
            let endpoints = groups.iter().flat_map(|(group, _)| group.endpoints());
            shared.instruments.processed(endpoints);
            let finalizers = groups.into_iter().flat_map(|(group, _)| group.into_finalizers());
            Finalizer::all_done(finalizers.collect());
        }
        false => groups.into_iter().for_each(|(group, _)| group.accept(shared, false)),
    }
    failpoints::reach(FailPoint::SourceAnswered);
}

async fn refuse_all(shared: &Arc<Shared>, groups: Vec<ReadyGroup>, error: &BrokerError) {
    for (group, _) in groups {
        for (pending, refusal) in group.too_large(shared, error) {
            refuse(shared.clone(), pending, refusal, None).await;
        }
    }
}
