//! Events of which nothing is published: the answer to the sender, and the dead letter.
//!
//! * **Refused data** (by the component, by a schema, by the broker's limit of size): the endpoint's [`OnInvalid`] decides.
//! * **A crash** (trap, budget, limit, malformed output): always a dead letter; the endpoint's [`OnFailure`] says what the
//!   sender is answered once it is kept.
//!
//! A dead letter that cannot be written is [`Outcome::Unavailable`]: nothing is claimed, and the sender still has the event.

use std::sync::Arc;

use danube_wasm_broker::{BrokerError, ErrorKind, Published};
use danube_wasm_model::{
    OnFailure, OnInvalid,
    door::{FailureKind, GuestError, Outcome, Violation},
    event::EventRefusal,
};
use tokio::task::JoinSet;

use super::{
    request::Member,
    shared::{Pending, Shared, sleep_while_live},
    unavailable,
};
use crate::{
    dead_letter::{DeadLetter, Reason},
    error_budget::{BudgetExceeded, BudgetUse, Reservation},
    failpoints::{self, FailPoint},
    mutants::{self, Mutant},
    status::Cause,
};

/// What a panic in a task of these is said to be of.
const KEEPING: &str = "what keeps dead letters";

/// Why data is refused.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) error: String,
    pub(super) violations: Vec<Violation>,
    /// Whether the event has no payload because its source could not read it.
    is_without_payload: bool,
}

impl Refusal {
    pub(super) fn new(error: String) -> Self {
        Self::by_schema(error, Vec::new())
    }

    /// With the rules that were broken.
    pub(super) fn by_schema(error: String, violations: Vec<Violation>) -> Self {
        Self {
            error,
            violations,
            is_without_payload: false,
        }
    }

    /// By the source that the event comes through.
    fn by_source(refusal: EventRefusal) -> Self {
        Self {
            is_without_payload: !refusal.has_payload,
            ..Self::new(refusal.error)
        }
    }
}

/// The answer to the sender, by what becomes of the dead letter.
struct Answers {
    /// It is kept; `None` for [`Outcome::DeadLettered`].
    kept: Option<Outcome>,
    /// The broker will never take it.
    too_large: Outcome,
}

/// The events that the component can be asked about. Refuses those that their source could not read.
pub(super) fn refuse_unreadable(
    shared: &Arc<Shared>,
    mut batch: Vec<Pending>,
    answering: &mut JoinSet<()>,
) -> Vec<Pending> {
    for pending in batch.extract_if(.., |pending| pending.event.refusal.is_some()) {
        let Some(refusal) = pending.event.refusal.as_deref().cloned() else {
            continue;
        };
        shared
            .instruments
            .failed(&pending.event.endpoint, FailureKind::InvalidData.as_str());
        spawn_refuse(shared, pending, Refusal::by_source(refusal), None, answering);
    }
    batch
}

/// An event that failed alone, twice.
pub(super) fn refuse_poison(
    shared: &Arc<Shared>,
    lane: usize,
    pending: Pending,
    error: &GuestError,
    answering: &mut JoinSet<()>,
) {
    shared.instruments.failed(&pending.event.endpoint, error.kind());
    let recording = shared.guest.recall(lane);
    match error {
        GuestError::Failure(failure) => {
            let refusal = Refusal::new(failure.message.clone());
            spawn_refuse(shared, pending, refusal, recording, answering);
        }
        error => {
            tracing::warn!(connector = %shared.guest.id(), endpoint = &*pending.event.endpoint, event = %pending.event.id, %error, "an event failed alone, twice");
            let crashed = crashed(shared.clone(), pending, error.clone(), recording);
            answering.spawn(shared.guard().run(KEEPING, crashed));
        }
    }
}

/// [`refuse`]s in a task of its own; answers at once where no dead letter is kept.
pub(super) fn spawn_refuse(
    shared: &Arc<Shared>,
    pending: Pending,
    refusal: Refusal,
    recording: Option<String>,
    answering: &mut JoinSet<()>,
) {
    match shared.on_invalid(&pending) {
        // Of what was read from an upstream, its finalizer decides.
        OnInvalid::Reject | OnInvalid::Skip | OnInvalid::Stop => pending.answer(invalid(refusal)),
        OnInvalid::DeadLetter => {
            let refuse = refuse(shared.clone(), pending, refusal, recording);
            answering.spawn(shared.guard().run(KEEPING, refuse));
        }
    }
}

/// Answers the sender, or keeps a dead letter where its endpoint says so.
pub(super) async fn refuse(shared: Arc<Shared>, pending: Pending, refusal: Refusal, recording: Option<String>) {
    if shared.on_invalid(&pending) != OnInvalid::DeadLetter {
        return pending.answer(invalid(refusal));
    }
    let reservation = match reserve(&shared, &pending, shared.dead_letters.budget_use()).await {
        Ok(reservation) => reservation,
        Err(BudgetExceeded::Stop(reason)) => return pending.answer(stop(&shared, reason)),
        Err(BudgetExceeded::Wait(why)) => return pending.answer(unavailable(why)),
    };
    let letter = DeadLetter::of_event(&pending.event, Reason::Refused, refusal.error.clone())
        .with_violations(&refusal.violations)
        .with_recording(recording);
    let letter = match refusal.is_without_payload {
        true => letter.without_payload(),
        false => letter,
    };
    let answers = Answers {
        kept: None,
        too_large: invalid(refusal),
    };
    keep(&shared, pending, letter, reservation, answers).await;
}

/// Keeps a dead letter and answers the sender as its endpoint says.
async fn crashed(shared: Arc<Shared>, pending: Pending, error: GuestError, recording: Option<String>) {
    let failed = |kept| Outcome::Failed {
        message: error.to_string(),
        kept,
    };
    if mutants::is(Mutant::ForgetCrashed) {
        return pending.answer(failed(true));
    }
    let reservation = match reserve(&shared, &pending, &shared.crashes).await {
        Ok(reservation) => reservation,
        // Nobody else has this event.
        Err(BudgetExceeded::Stop(reason)) if pending.finalizer().is_some() => {
            return pending.answer(stop(&shared, reason));
        }
        // Its senders still have these events, and the others pass: no reason to stop.
        Err(BudgetExceeded::Stop(_)) => {
            let why =
                "more events than max_dead_letters allows have crashed the component: no dead letter is kept of more";
            tracing::error!(connector = %shared.guest.id(), endpoint = &*pending.event.endpoint, event = %pending.event.id, "{why}; senders are told to try again");
            return pending.answer(unavailable(why.to_owned()));
        }
        Err(BudgetExceeded::Wait(why)) => return pending.answer(unavailable(why)),
    };
    let letter = DeadLetter::of_event(&pending.event, Reason::Crashed, error.to_string())
        .with_backtrace(error.backtrace().to_vec())
        .with_recording(recording);
    let answers = Answers {
        kept: match shared.on_failure(&pending) {
            OnFailure::Reject => Some(failed(true)),
            OnFailure::DeadLetter => None,
        },
        too_large: failed(false),
    };
    keep(&shared, pending, letter, reservation, answers).await;
}

/// Reservation for a dead letter. What was pulled waits for it.
async fn reserve(
    shared: &Shared,
    pending: &Pending,
    budget_use: &Arc<BudgetUse>,
) -> Result<Reservation, BudgetExceeded> {
    let mut backoff = shared.waits.start();
    if pending.member().is_some_and(Member::may_have_dead_letters) {
        return Ok(budget_use.reserve_beyond());
    }
    loop {
        match budget_use.reserve() {
            Ok(reservation) => {
                pending.member().into_iter().for_each(Member::allow_dead_letters);
                return Ok(reservation);
            }
            Err(BudgetExceeded::Wait(_)) if pending.finalizer().is_some() && pending.is_live() => {
                sleep_while_live(Some(pending), backoff.next(None)).await;
            }
            exceeded => return exceeded,
        }
    }
}

/// Writes a dead letter. Of what was pulled, until the broker takes it or its stream is lost.
async fn write(shared: &Shared, pending: &Pending, letter: &DeadLetter) -> Result<Published, BrokerError> {
    let mut backoff = shared.waits.start();
    loop {
        let written = shared.dead_letters.write(letter).await;
        match &written {
            Err(error) if error.kind != ErrorKind::TooLarge && pending.finalizer().is_some() && pending.is_live() => {
                shared.status.degrade(Cause::Broker, error.message.clone());
                sleep_while_live(Some(pending), backoff.next(None)).await;
            }
            _ => return written,
        }
    }
}

async fn keep(shared: &Shared, pending: Pending, letter: DeadLetter, reservation: Reservation, answers: Answers) {
    let outcome = match write(shared, &pending, &letter).await {
        Ok(published) => {
            reservation.written();
            failpoints::reach(FailPoint::SourceLetterKept);
            shared.instruments.dead_letter(letter.reason());
            answers.kept.unwrap_or_else(|| Outcome::DeadLettered {
                id: pending.event.id.clone(),
                durable: published.durable,
            })
        }
        // It can never be kept: the sender learns what is wrong with the event.
        Err(error) if error.kind == ErrorKind::TooLarge => {
            tracing::error!(connector = %shared.guest.id(), endpoint = &*pending.event.endpoint, event = %pending.event.id, %error, "the event is too large for a dead letter: nothing of it is kept here, its sender is told that it was not taken");
            answers.too_large
        }
        Err(error) => unavailable(format!("the dead letter could not be kept: {error}")),
    };
    pending.answer(outcome);
}

fn invalid(refusal: Refusal) -> Outcome {
    Outcome::Invalid {
        error: refusal.error,
        violations: refusal.violations,
    }
}

/// The connector stops for good. Returns the answer to its senders.
pub(super) fn stop(shared: &Shared, reason: String) -> Outcome {
    shared.fail(reason);
    unavailable(format!("connector {} has stopped", shared.guest.id()))
}
