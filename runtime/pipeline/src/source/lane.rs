//! One lane of a source: takes what is queued, calls the component, hands on what came of it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use danube_wasm_model::{
    door::{GuestError, Outcome},
    event::{EventBatch, RecordBatch},
};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    RETRY_AFTER,
    failed_call::{FailedCall, postpone, retry_wait},
    publish::publish,
    pull::Chains,
    refuse::{refuse_poison, refuse_unreadable, stop},
    request::Member,
    retries::{Retries, SenderRetries},
    shared::{Pending, Shared, sleep_while_live},
};
use crate::{
    backoff::Backoff,
    bisect::{Next, Segment, Segments},
    breaker::Permit,
    failpoints::{self, FailPoint},
    guest_retry_budget::GuestRetryBudget,
};

/// What a lane has begun and does not wait for.
#[derive(Default)]
pub(super) struct Output {
    /// Tasks that wait for the broker and answer events.
    pub(super) answering: JoinSet<()>,
    /// Of a pull source: what each stream publishes.
    pub(super) chains: Chains,
}

/// Runs until every sender is dropped and the queue is empty, then until every publish is answered.
pub(super) async fn run(shared: Arc<Shared>, lane: usize, mut queue: mpsc::UnboundedReceiver<Pending>) {
    let mut output = Output::default();
    let mut next = None;
    while let Some(first) = match next.take() {
        Some(first) => Some(first),
        None => queue.recv().await,
    } {
        let batch = collect(first, &mut next, &mut queue, &shared);
        failpoints::reach(FailPoint::SourceTaken);
        call(&shared, lane, batch, &mut output).await;
        while output.answering.try_join_next().is_some() {}
        shared.count_in_flight();
    }
    while output.answering.join_next().await.is_some() {}
}

/// The first event and all that are queued, up to the limits and to the next one that is not to be with them.
fn collect(
    first: Pending,
    apart: &mut Option<Pending>,
    queue: &mut mpsc::UnboundedReceiver<Pending>,
    shared: &Shared,
) -> Vec<Pending> {
    let limits = &shared.limits;
    let mut bytes = first.event.payload.len();
    let mut batch = vec![first];
    while batch.len() < limits.batch_events_max && bytes < limits.batch_bytes_max {
        let Ok(next) = queue.try_recv() else { break };
        if !next.is_beside(&batch[0]) {
            *apart = Some(next);
            break;
        }
        bytes += next.event.payload.len();
        batch.push(next);
    }
    shared.instruments.batch(batch.len());
    shared.count_in_flight();
    batch
}

/// Calls the component with the batch, halving it where it fails, and hands what comes out to the broker in order.
pub(super) async fn call(shared: &Arc<Shared>, lane: usize, batch: Vec<Pending>, output: &mut Output) {
    let batch = refuse_unreadable(shared, batch, &mut output.answering);
    let mut calls = Calls {
        shared,
        lane,
        segments: Segments::new(batch),
        retries: match shared.pull() {
            None => Retries::ForSenders(SenderRetries::new(shared.waits)),
            Some(_) => Retries::Inside(GuestRetryBudget::new(shared.waits)),
        },
        host_backoff: shared.waits.start(),
        output,
    };
    while let Some(segment) = calls.segments.pop() {
        // All are of one epoch of one stream, if they are of any.
        if !segment.items.first().is_some_and(Pending::is_live) {
            continue;
        }
        if let Some((permit, segment)) = calls.permit(segment).await {
            calls.call(permit, segment).await;
        }
    }
    if calls.segments.exhausted() {
        shared.instruments.exhausted();
        tracing::warn!(connector = %shared.guest.id(), "a batch was too much for one call of the component and passed in parts");
    }
}

/// Whether the component was called with others of its request already.
fn is_admitted(segment: &Segment<Pending>) -> bool {
    let mut members = segment.items.iter().filter_map(Pending::member);
    members.next().is_some_and(Member::is_admitted)
}

/// Whether a crash with these inputs says something new of the component. While a failed batch is halved, it crashes again and
/// again until the one event is found; that counts as often as if the event had come alone.
fn is_finding(segment: &Segment<Pending>) -> bool {
    segment.calls() == 1 || segment.has_failed_alone()
}

/// The calls of one batch.
struct Calls<'a> {
    shared: &'a Arc<Shared>,
    lane: usize,
    segments: Segments<Pending>,
    retries: Retries,
    host_backoff: Backoff,
    output: &'a mut Output,
}

impl Calls<'_> {
    /// Leave to call the component with the segment, unless it is called in parts, later, or not at all.
    async fn permit(&mut self, segment: Segment<Pending>) -> Option<(Permit, Segment<Pending>)> {
        let shared = self.shared;
        match shared.component.try_permit() {
            // One event at a time is let through: so it is called apart from its neighbours.
            Ok(permit) if permit.is_probe() && segment.items.len() > 1 => {
                self.segments.isolate(segment, 0);
                None
            }
            Ok(permit) => {
                segment.items.iter().filter_map(Pending::member).for_each(Member::admit);
                Some((permit, segment))
            }
            // Else an event that fails whenever it is let through would never be found, and its request never answered.
            Err(_) if segment.has_failed_alone() || is_admitted(&segment) => {
                Some((shared.component.force_permit(), segment))
            }
            Err(wait) => {
                let outcome = Outcome::Unavailable {
                    message: format!("connector {} pauses: its component keeps crashing", shared.guest.id()),
                    retry_after: wait.max(RETRY_AFTER),
                };
                self.postpone(segment, wait, outcome).await;
                None
            }
        }
    }

    async fn call(&mut self, permit: Permit, mut segment: Segment<Pending>) {
        let shared = self.shared;
        let started = SystemTime::now();
        let columns = EventBatch::from_events(segment.items.iter().map(|p| &p.event), &shared.guest.interests());
        let result = shared.guest.poll(self.lane, Arc::new(columns)).await;
        match &result {
            Err(error) if error.is_crash() && !permit.is_probe() && !is_finding(&segment) => drop(permit),
            result => permit.record(shared.guest.id(), &shared.status, result),
        }
        shared.instruments.polled(
            started,
            result.as_ref().err(),
            segment.items.iter_mut().map(|p| &mut p.event.traceparent),
        );
        match result {
            Ok(records) => self.succeeded(segment, &records).await,
            Err(error) => self.failed(segment, error).await,
        }
    }

    async fn succeeded(&mut self, segment: Segment<Pending>, records: &RecordBatch) {
        failpoints::reach(FailPoint::SourcePolled);
        self.retries.succeeded();
        publish(self.shared, self.lane, segment.items, records, self.output).await;
    }

    async fn failed(&mut self, segment: Segment<Pending>, error: GuestError) {
        let shared = self.shared;
        if let GuestError::Failure(failure) = &error
            && let Some(wait) = retry_wait(shared, failure, &mut self.retries)
        {
            sleep_while_live(segment.items.first(), wait).await;
            return self.segments.put_back(segment);
        }
        match FailedCall::of(&error, shared.pull().is_some()) {
            FailedCall::Later(outcome) => {
                let wait = self.host_backoff.next(None);
                self.postpone(segment, wait, outcome).await;
            }
            FailedCall::Stop(reason) => {
                let outcome = stop(shared, reason);
                segment.items.into_iter().for_each(|p| p.answer(outcome.clone()));
            }
            FailedCall::Halve => match self.segments.failed(segment) {
                Next::Again => {}
                Next::Poison(pending) => {
                    refuse_poison(shared, self.lane, pending, &error, &mut self.output.answering);
                }
            },
        }
    }

    async fn postpone(&mut self, segment: Segment<Pending>, wait: Duration, outcome: Outcome) {
        postpone(self.shared, &mut self.segments, segment, wait, outcome).await;
    }
}
