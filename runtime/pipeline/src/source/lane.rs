//! One lane of a source: call, plan, publish, answer.

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Result as BrokerResult};
use danube_wasm_model::{
    clock,
    door::{Failure, FailureKind, GuestError, Outcome, Reply},
    event::{Event, EventBatch, RecordBatch},
};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    RETRY_AFTER,
    plan::{Group, Plan, Verdict, list},
    pull::Chains,
    refuse::{Refusal, blame, refuse, refuse_beside},
    retries::{Retries, SenderRetries},
    shared::{Pending, Shared, sleep_while_live},
    unavailable,
};
use crate::{
    backoff::ASKED_WAIT_MAX,
    bisect::{Next, Segment, Segments},
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    sink::claims::Claims,
    status::Cause,
};

/// What a lane has begun and does not wait for.
#[derive(Default)]
pub(super) struct Output {
    /// Tasks that wait for the broker and tell what became of events.
    pub(super) answering: JoinSet<()>,
    /// Of a pull source: what each stream publishes.
    pub(super) chains: Chains,
}

/// Runs until every sender is gone and the queue is empty, then until every publish is answered.
pub(super) async fn run(shared: Arc<Shared>, lane: usize, mut queue: mpsc::Receiver<Pending>) {
    let mut output = Output::default();
    while let Some(first) = queue.recv().await {
        let batch = collect(first, &mut queue, &shared);
        failpoints::reach(FailPoint::SourceTaken);
        call(&shared, lane, batch, &mut output).await;
        while output.answering.try_join_next().is_some() {}
        shared.count_in_flight();
    }
    while output.answering.join_next().await.is_some() {}
}

/// The first event and whatever else is there.
fn collect(first: Pending, queue: &mut mpsc::Receiver<Pending>, shared: &Shared) -> Vec<Pending> {
    let limits = &shared.limits;
    let mut bytes = first.event.payload.len();
    let mut batch = vec![first];
    while batch.len() < limits.batch_events_max && bytes < limits.batch_bytes_max {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.event.payload.len();
        batch.push(next);
    }
    shared.probe.batch(batch.len());
    shared.count_in_flight();
    batch
}

/// Calls the component with the batch, halving it where it fails, and hands what comes out to the broker in order.
pub(super) async fn call(shared: &Arc<Shared>, lane: usize, batch: Vec<Pending>, output: &mut Output) {
    let mut segments = Segments::new(batch);
    let mut retries = match shared.pull() {
        None => Retries::ForSenders(SenderRetries::new(shared.waits)),
        Some(_) => Retries::Inside(Claims::new(shared.waits)),
    };
    let mut host_waits = shared.waits.start();
    while let Some(mut segment) = segments.pop() {
        segment.items.retain(Pending::is_live);
        if segment.items.is_empty() {
            continue;
        }
        let started = std::time::SystemTime::now();
        let permit = match shared.component.enter() {
            // One event at a time is let through: it is told from its neighbours, whatever is to blame.
            Ok(permit) if permit.decides() && segment.items.len() > 1 => {
                segments.isolate(segment, 0);
                continue;
            }
            Ok(permit) => permit,
            // Else an event that fails whenever it is let through would never be known for what it is.
            Err(_) if segment.has_failed_alone() => shared.component.once_more(),
            Err(wait) => {
                let outcome = Outcome::Unavailable {
                    message: format!("connector {} pauses: its component keeps crashing", shared.guest.id()),
                    retry_after: wait.max(RETRY_AFTER),
                };
                postpone(shared, &mut segments, segment, wait, outcome).await;
                continue;
            }
        };
        let columns = EventBatch::from_events(segment.items.iter().map(|p| &p.event), &shared.guest.interests());
        let result = shared.guest.poll(lane, Arc::new(columns)).await;
        permit.settle(shared.guest.id(), &shared.status, &result);
        shared.probe.polled(
            started,
            result.as_ref().err(),
            segment.items.iter_mut().map(|p| &mut p.event.traceparent),
        );
        if let Err(GuestError::Failure(failure)) = &result
            && let Some(wait) = retry(shared, failure, &mut retries)
        {
            sleep_while_live(segment.items.first(), wait).await;
            segments.put_back(segment);
            continue;
        }
        match result {
            Ok(records) => {
                failpoints::reach(FailPoint::SourcePolled);
                retries.succeeded();
                publish(shared, lane, segment.items, &records, output).await;
            }
            Err(error) => match Response::to(&error, shared.pull().is_some()) {
                Response::Later(outcome) => {
                    let wait = host_waits.next(None);
                    postpone(shared, &mut segments, segment, wait, outcome).await;
                }
                Response::Stop(reason) => {
                    let outcome = stop(shared, reason);
                    segment.items.into_iter().for_each(|p| p.answer(outcome.clone()));
                }
                Response::Halve => match segments.failed(segment) {
                    Next::Again => {}
                    Next::Poison(pending) => blame(shared, lane, pending, &error, &mut output.answering),
                },
            },
        }
    }
    if segments.exhausted() {
        shared.probe.exhausted();
        tracing::warn!(connector = %shared.guest.id(), "a batch was too much for one call of the component and passed in parts");
    }
}

/// What cannot be done now: senders come back, what was pulled is tried again here.
async fn postpone(
    shared: &Shared,
    segments: &mut Segments<Pending>,
    segment: Segment<Pending>,
    wait: Duration,
    outcome: Outcome,
) {
    match segment.items.first() {
        Some(first) if first.finalizer().is_some() => {
            if let Outcome::Unavailable { message, .. } = outcome
                && shared.status.why(Cause::Component).is_none()
            {
                shared.status.held_up(Cause::Component, message);
            }
            sleep_while_live(Some(first), wait).await;
            segments.put_back(segment);
        }
        _ => segment.items.into_iter().for_each(|p| p.answer(outcome.clone())),
    }
}

/// How long to wait before the component is called again with the same events, if it asks for that and is still believed.
fn retry(shared: &Shared, failure: &Failure, retries: &mut Retries) -> Option<Duration> {
    if failure.kind != FailureKind::Retryable {
        return None;
    }
    let (connector, tries) = (shared.guest.id(), retries.count());
    let wait = retries.next(failure);
    match wait {
        Some(wait) => {
            let wait_ms = clock::millis(wait);
            tracing::warn!(%connector, error = %failure, tries, wait_ms, "the component cannot take events now; it is called again with them");
        }
        None => {
            tracing::warn!(%connector, error = %failure, tries, "the component still cannot take events; it is not called again with them as they are");
        }
    }
    wait
}

/// The connector goes on no more. What its senders are told.
pub(super) fn stop(shared: &Shared, reason: String) -> Outcome {
    shared.fail(reason);
    unavailable(format!("connector {} has stopped", shared.guest.id()))
}

/// What a failed call means for its events.
enum Response {
    /// It may work later.
    Later(Outcome),
    Stop(String),
    Halve,
}

impl Response {
    /// Senders still have their events and try again. What was `pulled` is with nobody else: a component that has asked
    /// for long enough for its events to be tried again is given them one by one, until it is known which it cannot take.
    fn to(error: &GuestError, pulled: bool) -> Self {
        match error {
            GuestError::Host { message } => Self::Later(unavailable(message.clone())),
            GuestError::Failure(failure) => match failure.kind {
                FailureKind::Retryable if pulled => Self::Halve,
                FailureKind::Retryable => Self::Later(Outcome::Unavailable {
                    message: failure.message.clone(),
                    retry_after: failure.retry_after.unwrap_or(RETRY_AFTER).min(ASKED_WAIT_MAX),
                }),
                FailureKind::Fatal | FailureKind::Configuration => Self::Stop(error.to_string()),
                FailureKind::InvalidData => Self::Halve,
            },
            _ => Self::Halve,
        }
    }
}

async fn publish(shared: &Arc<Shared>, lane: usize, pending: Vec<Pending>, records: &RecordBatch, output: &mut Output) {
    let ready = make_ready(shared, lane, pending, records, &mut output.answering).await;
    match (ready.is_empty(), shared.pull()) {
        (true, _) => {}
        (false, Some(_)) => output.chains.push(shared, ready, &mut output.answering),
        (false, None) => hand_over(shared, ready, &mut output.answering),
    }
}

/// A group of events that share a fate, and its records.
pub(super) type Ready = (Waiting, Vec<Outgoing>);

/// What is to be published. Tells what becomes of the other events.
async fn make_ready(
    shared: &Arc<Shared>,
    lane: usize,
    pending: Vec<Pending>,
    records: &RecordBatch,
    answering: &mut JoinSet<()>,
) -> Vec<Ready> {
    let events: Vec<&Event> = pending.iter().map(|p| &p.event).collect();
    let plan = Plan::make(shared.guest.id(), &events, records, &shared.topics).await;
    let mut slots: Vec<Option<Pending>> = pending.into_iter().map(Some).collect();
    let mut ready = Vec::new();
    for group in plan.groups {
        let members = take(&mut slots, &group.events);
        match settle(shared, lane, group, members, answering) {
            Some((group, records)) if records.is_empty() => group.accept(shared, true),
            Some(group) => ready.push(group),
            None => {}
        }
    }
    ready
}

/// Hands records to the broker and answers their senders when their fate is known.
fn hand_over(shared: &Arc<Shared>, ready: Vec<Ready>, answering: &mut JoinSet<()>) {
    let (mut waiting, mut handed_over): (Vec<_>, Vec<_>) = ready.into_iter().unzip();
    let permit = match shared.publishing.enter() {
        Ok(permit) => permit,
        Err(wait) => {
            let why = shared.status.why(Cause::Broker);
            let why = why.unwrap_or_else(|| "the broker does not take records".to_owned());
            let paused = BrokerError::new(ErrorKind::Unavailable, format!("{why}; it is tried again soon"));
            let retry_after = wait.max(RETRY_AFTER);
            return waiting
                .into_iter()
                .for_each(|group| group.refuse(shared, &paused, retry_after));
        }
    };
    let started = std::time::SystemTime::now();
    if mutants::is(Mutant::PartOfGroup) {
        let apart = handed_over.iter_mut().map(|group| group.drain(..1).collect()).collect();
        drop(shared.publisher.publish(apart));
    }
    let committed = shared.publisher.publish(handed_over);
    failpoints::reach(FailPoint::SourceHandedOver);
    let guard = shared.guard();
    let shared = shared.clone();
    answering.spawn(guard.run("what answers senders", async move {
        if mutants::is(Mutant::AnswerBeforeCommit) {
            waiting.drain(..).for_each(|group| group.accept(&shared, true));
        }
        let results = committed.await;
        failpoints::reach(FailPoint::SourcePublished);
        let transient = |result: &BrokerResult<Published>| result.as_ref().is_err_and(BrokerError::is_transient);
        match results.iter().all(transient) {
            true => drop(permit.failed(None)),
            false => permit.succeeded(),
        }
        let mut too_large = Vec::new();
        for (group, result) in waiting.into_iter().zip(results) {
            shared.probe.published(
                started,
                group.members.iter().map(|(p, _)| &p.event),
                result.as_ref().err(),
            );
            too_large.extend(group.finish(&shared, result));
        }
        // No other sender waits for these dead letters.
        for (pending, refusal) in too_large {
            refuse(shared.clone(), pending, refusal, None).await;
        }
        failpoints::reach(FailPoint::SourceAnswered);
        shared.count_in_flight();
    }));
}

/// The events of a group, each with the number of its records, waiting for the commit.
pub(super) struct Waiting {
    pub(super) members: Vec<(Pending, Option<Reply>)>,
    records: u32,
}

/// Answers a group that is not published; gives back one that is.
fn settle(
    shared: &Arc<Shared>,
    lane: usize,
    group: Group,
    members: Vec<(usize, Pending)>,
    answering: &mut JoinSet<()>,
) -> Option<Ready> {
    match group.verdict {
        Verdict::Publish { records, mut replies } => {
            let members = members
                .into_iter()
                .map(|(at, pending)| {
                    let reply = replies
                        .iter()
                        .position(|(of, _)| *of == at)
                        .map(|i| replies.swap_remove(i).1);
                    (pending, reply)
                })
                .collect();
            let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
            Some((
                Waiting {
                    members,
                    records: count,
                },
                records,
            ))
        }
        Verdict::Invalid { refusal, schema } => {
            let error_type = match &schema {
                Some(breach) if breach.is_made => "invalid_record",
                _ => "invalid_data",
            };
            if let Some(breach) = &schema {
                shared.probe.violation(&breach.topic, &breach.subject);
            }
            for (_, pending) in members {
                shared.probe.failed(&pending.event.endpoint, error_type);
                if let Some(breach) = schema.as_ref().filter(|breach| breach.is_made) {
                    tracing::warn!(connector = %shared.guest.id(), endpoint = &*pending.event.endpoint, event = %pending.event.id, topic = %breach.topic, violations = list(&refusal.violations), "{}", refusal.error);
                }
                refuse_beside(shared, pending, refusal.clone(), shared.guest.recall(lane), answering);
            }
            None
        }
    }
}

impl Waiting {
    /// Answers the events, but for those whose records will never be taken: these are refused.
    fn finish(self, shared: &Arc<Shared>, result: BrokerResult<Published>) -> Vec<(Pending, Refusal)> {
        match result {
            Ok(published) => {
                shared.status.well(Cause::Broker);
                self.accept(shared, published.durable);
            }
            Err(error) if error.kind == ErrorKind::TooLarge => return self.too_large(shared, &error),
            Err(error) => {
                tracing::warn!(connector = %shared.guest.id(), kind = error.kind.as_str(), %error, "records were not published; their senders are told to try again");
                shared.status.held_up(Cause::Broker, error.message.clone());
                self.tell(shared, error.kind, &unavailable(error.message.clone()));
            }
        }
        Vec::new()
    }

    /// The broker will never take these.
    pub(super) fn too_large(self, shared: &Shared, error: &BrokerError) -> Vec<(Pending, Refusal)> {
        let refused = self.members.into_iter().map(|(pending, _)| {
            shared.probe.failed(&pending.event.endpoint, error.kind.as_str());
            (pending, Refusal::new(error.message.clone()))
        });
        refused.collect()
    }

    /// Nothing was published.
    fn refuse(self, shared: &Arc<Shared>, error: &BrokerError, retry_after: Duration) {
        let outcome = Outcome::Unavailable {
            message: error.message.clone(),
            retry_after,
        };
        self.tell(shared, error.kind, &outcome);
    }

    fn tell(self, shared: &Arc<Shared>, kind: ErrorKind, outcome: &Outcome) {
        for (pending, _) in self.members {
            shared.probe.failed(&pending.event.endpoint, kind.as_str());
            pending.answer(outcome.clone());
        }
    }

    pub(super) fn accept(self, shared: &Shared, durable: bool) {
        for (pending, reply) in self.members {
            shared.probe.processed(&pending.event.endpoint, 1);
            let id = pending.event.id.clone();
            pending.answer(Outcome::Accepted {
                id,
                records: self.records,
                durable,
                answer: reply,
            });
        }
    }
}

fn take(slots: &mut [Option<Pending>], places: &[usize]) -> Vec<(usize, Pending)> {
    places
        .iter()
        .filter_map(|at| slots[*at].take().map(|pending| (*at, pending)))
        .collect()
}
