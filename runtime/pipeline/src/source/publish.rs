//! Publishes what one call of the component made, and answers its events.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use danube_wasm_broker::{BrokerError, ErrorKind, Outgoing, Published, Result as BrokerResult};
use danube_wasm_model::{
    door::OnRefusal,
    event::{Event, RecordBatch},
};
use tokio::task::JoinSet;

use super::{
    RETRY_AFTER,
    lane::Output,
    pending_group::PendingGroup,
    plan::{Group, GroupOutcome, Plan, SchemaViolation, list},
    refuse::{Refusal, refuse, spawn_refuse},
    shared::{Pending, Shared},
};
use crate::{
    breaker::Permit,
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    status::Cause,
};

/// Publishes the records that a call made of these events, in the order of the events.
pub(super) async fn publish(
    shared: &Arc<Shared>,
    lane: usize,
    pending: Vec<Pending>,
    records: &RecordBatch,
    output: &mut Output,
) {
    let ready = ready_groups(shared, lane, pending, records, &mut output.answering).await;
    match (ready.is_empty(), shared.pull()) {
        (true, _) => {}
        (false, Some(_)) => output.chains.push(shared, ready, &mut output.answering),
        (false, None) => match ready[0].0.request() {
            Some(request) => request(ready),
            None => publish_now(shared, ready, &mut output.answering),
        },
    }
}

/// A group of events that share a fate, and its records.
pub(super) type ReadyGroup = (PendingGroup, Vec<Outgoing>);

/// What is to be published. Tells what becomes of the other events.
async fn ready_groups(
    shared: &Arc<Shared>,
    lane: usize,
    pending: Vec<Pending>,
    records: &RecordBatch,
    answering: &mut JoinSet<()>,
) -> Vec<ReadyGroup> {
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
fn publish_now(shared: &Arc<Shared>, ready: Vec<ReadyGroup>, answering: &mut JoinSet<()>) {
    let (waiting, mut records): (Vec<_>, Vec<_>) = ready.into_iter().unzip();
    let permit = match shared.publishing.try_permit() {
        Ok(permit) => permit,
        Err(wait) => return refuse_all(shared, waiting, wait),
    };
    let started = SystemTime::now();
    if mutants::is(Mutant::PartOfGroup) {
        let apart = records.iter_mut().map(|group| group.drain(..1).collect()).collect();
        drop(shared.publisher.publish(apart));
    }
    let committed = shared.publisher.publish(records);
    failpoints::reach(FailPoint::SourceHandedOver);
    let answer = answer(shared.clone(), waiting, committed, permit, started);
    answering.spawn(shared.guard().run("what answers senders", answer));
}

/// Hands the records of one request to the broker, all or none, and answers its events when their fate is known.
///
/// Where records are over the broker's limit, nothing is published: their events are refused, and the others are given back, to
/// be published without them or not at all, as is due after a refusal.
pub(super) async fn publish_together(
    shared: &Arc<Shared>,
    ready: Vec<ReadyGroup>,
    on_refusal: OnRefusal,
) -> Vec<ReadyGroup> {
    let permit = match shared.publishing.try_permit() {
        Ok(permit) => permit,
        Err(wait) => {
            refuse_all(shared, ready.into_iter().map(|(group, _)| group).collect(), wait);
            return Vec::new();
        }
    };
    let started = SystemTime::now();
    let together = ready.iter().flat_map(|(_, records)| records.iter().cloned()).collect();
    let committed = shared.publisher.publish(vec![together]);
    failpoints::reach(FailPoint::SourceHandedOver);
    let committed = committed.await.pop().unwrap_or_else(no_result);
    match committed {
        Err(error) if error.kind == ErrorKind::TooLarge => {
            refuse_too_large(shared, ready, &error, on_refusal, permit, started).await
        }
        result => {
            let waiting: Vec<_> = ready.into_iter().map(|(group, _)| group).collect();
            let results = vec![result; waiting.len()];
            answer(shared.clone(), waiting, std::future::ready(results), permit, started).await;
            Vec::new()
        }
    }
}

/// Refuses the events of the records that the broker never takes, and gives back the others.
async fn refuse_too_large(
    shared: &Arc<Shared>,
    ready: Vec<ReadyGroup>,
    error: &BrokerError,
    on_refusal: OnRefusal,
    permit: Permit,
    started: SystemTime,
) -> Vec<ReadyGroup> {
    let (mut refused, mut results, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (group, records) in ready {
        match records
            .iter()
            .find_map(|record| shared.publisher.check_size(record).err())
        {
            Some(too_large) => {
                refused.push(group);
                results.push(Err(too_large));
            }
            None => others.push((group, records)),
        }
    }
    if !refused.is_empty() && !mutants::is(Mutant::BlameWholeRequest) {
        answer(shared.clone(), refused, std::future::ready(results), permit, started).await;
        return others;
    }
    // Only the broker knows which.
    let (more, records): (Vec<_>, Vec<_>) = others.into_iter().unzip();
    refused.extend(more);
    let apart = on_refusal == OnRefusal::KeepOthers || refused.iter().all(|group| group.becomes_dead_letters(shared));
    let results = match apart && results.is_empty() {
        true => shared.publisher.publish(records).await,
        false => vec![Err(error.clone()); refused.len()],
    };
    answer(shared.clone(), refused, std::future::ready(results), permit, started).await;
    Vec::new()
}

fn no_result() -> BrokerResult<Published> {
    Err(BrokerError::new(
        ErrorKind::Unavailable,
        "the broker did not say what became of the records",
    ))
}

/// The broker is away: nobody waits for it.
fn refuse_all(shared: &Arc<Shared>, waiting: Vec<PendingGroup>, wait: Duration) {
    let why = shared.status.reason_of(Cause::Broker);
    let why = why.unwrap_or_else(|| "the broker does not take records".to_owned());
    let paused = BrokerError::new(ErrorKind::Unavailable, format!("{why}; it is tried again soon"));
    let retry_after = wait.max(RETRY_AFTER);
    let each = waiting.into_iter();
    each.for_each(|group| group.refuse(shared, &paused, retry_after));
}

/// Waits for the broker and answers.
async fn answer(
    shared: Arc<Shared>,
    mut waiting: Vec<PendingGroup>,
    committed: impl Future<Output = Vec<BrokerResult<Published>>>,
    permit: Permit,
    started: SystemTime,
) {
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
        let events = group.members.iter().map(|(p, _)| &p.event);
        shared.instruments.published(started, events, result.as_ref().err());
        too_large.extend(group.finish(&shared, result));
    }
    // No other sender waits for these dead letters.
    for (pending, refusal) in too_large {
        refuse(shared.clone(), pending, refusal, None).await;
    }
    failpoints::reach(FailPoint::SourceAnswered);
    shared.count_in_flight();
}

/// Answers a group that is not published; gives back one that is.
fn settle(
    shared: &Arc<Shared>,
    lane: usize,
    group: Group,
    members: Vec<(usize, Pending)>,
    answering: &mut JoinSet<()>,
) -> Option<ReadyGroup> {
    match group.outcome {
        GroupOutcome::Publish { records, mut replies } => {
            let members = members.into_iter().map(|(at, pending)| {
                let reply = replies.iter().position(|(of, _)| *of == at);
                let reply = reply.map(|i| replies.swap_remove(i).1);
                (pending, reply)
            });
            Some((PendingGroup::new(members.collect(), records.len()), records))
        }
        GroupOutcome::Invalid { refusal, schema } => {
            let members = members.into_iter().map(|(_, pending)| pending);
            refuse_group(shared, lane, members, &refusal, schema.as_ref(), answering);
            None
        }
    }
}

fn refuse_group(
    shared: &Arc<Shared>,
    lane: usize,
    members: impl Iterator<Item = Pending>,
    refusal: &Refusal,
    schema: Option<&SchemaViolation>,
    answering: &mut JoinSet<()>,
) {
    let of_made_record = schema.filter(|violation| violation.is_made);
    let error_type = match of_made_record {
        Some(_) => "invalid_record",
        None => "invalid_data",
    };
    if let Some(violation) = schema {
        shared.instruments.violation(&violation.topic, &violation.subject);
    }
    for pending in members {
        shared.instruments.failed(&pending.event.endpoint, error_type);
        if let Some(violation) = of_made_record {
            tracing::warn!(connector = %shared.guest.id(), endpoint = &*pending.event.endpoint, event = %pending.event.id, topic = %violation.topic, violations = list(&refusal.violations), "{}", refusal.error);
        }
        spawn_refuse(shared, pending, refusal.clone(), shared.guest.recall(lane), answering);
    }
}

fn take(slots: &mut [Option<Pending>], places: &[usize]) -> Vec<(usize, Pending)> {
    places
        .iter()
        .filter_map(|at| slots[*at].take().map(|pending| (*at, pending)))
        .collect()
}
