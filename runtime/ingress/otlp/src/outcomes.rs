//! From the outcomes of events to the answer of their request.

use std::time::Duration;

use danube_wasm_model::door::Outcome;

use crate::{limits::MESSAGE_BYTES_MAX, problem::Problem, signal::Signal};

/// What a sender is told of its export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Everything is durable.
    Accepted,
    /// A part of it is; the rest must not be sent again.
    Partial(Partial),
    /// Nothing is.
    Failed(Problem),
}

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partial {
    /// Spans, data points or log records.
    pub(crate) rejected: i64,
    pub(crate) message: String,
}

/// Judges a request by the outcomes of its events. `items` is what each event stands for.
pub(crate) fn verdict(signal: Signal, outcomes: &[Outcome], items: &[usize]) -> Verdict {
    if let Some(wait) = outcomes.iter().filter_map(unavailable).max() {
        return Verdict::Failed(Problem::unavailable(
            "the export cannot be taken now: send it again later",
            wait,
        ));
    }
    let refused: Vec<_> = outcomes
        .iter()
        .zip(items)
        .filter_map(|(outcome, items)| Some((refusal(outcome)?, items)))
        .collect();
    let Some((first, _)) = refused.first() else {
        return Verdict::Accepted;
    };
    let is_invalid = outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Invalid { .. }));
    let rejected: usize = refused.iter().map(|(_, items)| *items).sum();
    let all: usize = items.iter().sum();
    let mut message = format!(
        "{rejected} of {all} {} were refused, the first because {first}",
        signal.items()
    );
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    match (refused.len() == outcomes.len(), is_invalid) {
        (true, true) => Verdict::Failed(Problem::invalid(message)),
        (true, false) => Verdict::Failed(Problem::internal(message)),
        (false, _) => Verdict::Partial(Partial {
            rejected: i64::try_from(rejected).unwrap_or(i64::MAX),
            message,
        }),
    }
}

fn unavailable(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Unavailable { message, retry_after } => {
            tracing::debug!(message, "an export is to be sent again");
            Some(*retry_after)
        }
        _ => None,
    }
}

/// Why an event was refused, if it was. What a component crashed on is the operator's business.
fn refusal(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Invalid { error, violations } => Some(match violations.first() {
            Some(violation) => format!("{error}: `{}`: {}", violation.path, violation.message),
            None => error.clone(),
        }),
        Outcome::Failed { message, kept } => {
            tracing::debug!(message, kept, "a record could not be processed");
            let sentence = match kept {
                true => "it could not be processed; the operator has it as a dead letter",
                false => "it could not be processed; the operator's log says why",
            };
            Some(sentence.to_owned())
        }
        Outcome::Accepted { .. } | Outcome::DeadLettered { .. } | Outcome::Unavailable { .. } => None,
    }
}
