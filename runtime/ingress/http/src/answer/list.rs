//! Answers to requests with several events: one for all of them.

use std::time::Duration;

use danube_wasm_ingress_listener::{Answer, with_retry_after};
use danube_wasm_model::door::{Outcome, Violation};
use http::StatusCode;
use serde::Serialize;

use super::json;
use crate::limits::REFUSED_NAMED_MAX;

#[derive(Serialize)]
struct Accepted {
    status: &'static str,
    events: usize,
    records: u32,
    durable: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dead_lettered: Vec<Named>,
}

/// An event that is not simply accepted.
#[derive(Serialize)]
struct Named {
    /// Its place in the request, from 0.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation>,
}

#[derive(Serialize)]
struct Refused {
    error: String,
    /// Of the refused events the first [`REFUSED_NAMED_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Named>,
}

/// Returns the answer for events with known outcomes, in the order of the request. `ids` are those that they were offered with.
pub(crate) fn outcomes(ids: &[String], outcomes: Vec<Outcome>) -> Answer {
    let events = outcomes.len();
    let mut accepted = Accepted {
        status: "accepted",
        events,
        records: 0,
        durable: true,
        dead_lettered: Vec::new(),
    };
    let (mut invalid, mut failed, mut not_now) = (Vec::new(), Vec::new(), None::<Duration>);
    for (index, (id, outcome)) in ids.iter().zip(outcomes).enumerate() {
        match outcome {
            Outcome::Accepted { records, durable, .. } => {
                accepted.records = accepted.records.saturating_add(records);
                accepted.durable &= durable;
            }
            Outcome::DeadLettered { id, durable } => {
                accepted.durable &= durable;
                accepted.dead_lettered.push(named(index, Some(id), None, Vec::new()));
            }
            Outcome::Invalid { error, violations } => {
                invalid.push(named(index, Some(id.clone()), Some(error), violations));
            }
            Outcome::Failed { message, kept } => {
                tracing::debug!(event = id, message, kept, "answered 500");
                failed.push(named(index, Some(id.clone()), None, Vec::new()));
            }
            Outcome::Unavailable { message, retry_after } => {
                tracing::debug!(event = id, message, "not taken now");
                not_now = not_now.max(Some(retry_after));
            }
        }
    }
    if !invalid.is_empty() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, events, "refused", invalid);
    }
    if !failed.is_empty() {
        let what = "could not be processed, and the operator's log says why under their ids";
        return refused(StatusCode::INTERNAL_SERVER_ERROR, events, what, failed);
    }
    match not_now {
        Some(wait) => with_retry_after(unavailable(), wait),
        None => json(StatusCode::OK, &accepted),
    }
}

/// Returns the answer for a request of which these events cannot be read.
pub(crate) fn broken(broken: &[(usize, String)]) -> Answer {
    let named = broken.iter().take(REFUSED_NAMED_MAX);
    let named = named.map(|(index, why)| self::named(*index, None, Some(why.clone()), Vec::new()));
    let error = match broken {
        [(index, why)] => {
            format!("event {index} of the request, counted from 0, cannot be read, so none of it is taken: {why}")
        }
        _ => format!(
            "{} events of the request cannot be read, so none of it is taken",
            broken.len()
        ),
    };
    let refused = named.collect();
    json(StatusCode::BAD_REQUEST, &Refused { error, refused })
}

fn refused(status: StatusCode, events: usize, what: &str, mut refused: Vec<Named>) -> Answer {
    let error = format!(
        "{} of {events} events are {what}: none of the request is taken",
        refused.len()
    );
    refused.truncate(REFUSED_NAMED_MAX);
    json(status, &Refused { error, refused })
}

fn unavailable() -> Answer {
    let error = "the events of the request cannot be taken now: send it again later".to_owned();
    let refused = Vec::new();
    json(StatusCode::SERVICE_UNAVAILABLE, &Refused { error, refused })
}

fn named(index: usize, id: Option<String>, error: Option<String>, violations: Vec<Violation>) -> Named {
    Named {
        index,
        id,
        error,
        violations,
    }
}
