//! The events of one request: taken together, or not at all.

use danube_wasm_ingress_listener::{Answer, Exchange, MemoryReservation, Refusal};
use danube_wasm_model::{
    door::{OnRefusal, Outcome},
    event::Event,
};
use std::collections::HashMap;
use tokio::time::timeout_at;

use crate::{
    answer,
    body::Item,
    endpoint::Endpoint,
    event_id::{self, IdReuse, MissingId},
    limits::EVENT_HEADS_BYTES_MAX,
    recent_ids::BodyDigest,
    service::{NotTaken, check_id_reuse},
};

/// Bytes of an event beside its payload, headers and attributes; an estimate on the high side.
const EVENT_BYTES: usize = 512;

/// Takes the events of a request. They are refused together: the sender is told which of them are at fault.
pub(crate) async fn take(
    endpoint: &Endpoint,
    exchange: &Exchange<'_>,
    head: Event,
    items: Vec<Item>,
    header_id: Option<String>,
    reserved: &mut MemoryReservation<'_>,
) -> Result<Answer, NotTaken> {
    if items.is_empty() {
        return Ok(answer::list::outcomes(&[], Vec::new()));
    }
    reserve_heads(&head, items.len(), reserved)?;
    let is_repeatable = header_id.is_some();
    let missing_id = match items.iter().all(|item| item.id.is_some()) {
        // Nobody asks for that of the request.
        true => MissingId::Mint,
        false => endpoint.missing_id,
    };
    let mint = || endpoint.event_id.replace_missing(missing_id);
    let request_id = header_id.map_or_else(mint, Ok)?;
    let (mut events, mut given) = (Vec::with_capacity(items.len()), Vec::new());
    for (place, item) in items.into_iter().enumerate() {
        let digest = item.digest.filter(|_| is_repeatable || item.id.is_some());
        let id = item
            .id
            .clone()
            .map_or_else(|| event_id::of_item(&request_id, place), Ok)?;
        check_id_reuse(exchange, endpoint, &id, digest)?;
        given.extend(digest.map(|digest| (id.clone(), digest)));
        events.push(item.into_event(head.clone(), id));
    }
    check_reuse_among(exchange, endpoint, &given)?;
    offer_all(endpoint, exchange, events, given, request_id).await
}

/// Each event has the headers and attributes of its request: charged before they are copied.
fn reserve_heads(head: &Event, events: usize, reserved: &mut MemoryReservation<'_>) -> Result<(), Refusal> {
    let pairs = head.headers.iter().chain(&head.attributes);
    let bytes: usize = pairs
        .map(|(name, value)| name.len() + value.len() + size_of::<(String, String)>())
        .sum();
    let copies = bytes.saturating_mul(events);
    if copies > EVENT_HEADS_BYTES_MAX {
        return Err(Refusal::OverLimit(format!(
            "each of the {events} events of this request has its headers, of {bytes} bytes: together they may have \
             {EVENT_HEADS_BYTES_MAX}. Send fewer events in a request, or shorter headers"
        )));
    }
    reserved.grow(copies + EVENT_BYTES * events)
}

/// As [`check_id_reuse`], for events that come in one request.
fn check_reuse_among(
    exchange: &Exchange<'_>,
    endpoint: &Endpoint,
    given: &[(String, BodyDigest)],
) -> Result<(), NotTaken> {
    let mut known = HashMap::new();
    for (id, digest) in given {
        if known.insert(id, digest).is_some_and(|before| before != digest) {
            exchange.observer().id_reused(endpoint.path());
            tracing::warn!(endpoint = %endpoint.path(), event = %id, "two events of a request have this id and other bodies: only the first is kept");
            if endpoint.id_reuse == IdReuse::Reject {
                return Err(NotTaken::IdReused(id.clone()));
            }
        }
    }
    Ok(())
}

async fn offer_all(
    endpoint: &Endpoint,
    exchange: &Exchange<'_>,
    events: Vec<Event>,
    given: Vec<(String, BodyDigest)>,
    request_id: String,
) -> Result<Answer, NotTaken> {
    let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
    let offered = endpoint.intake.offer_all(events, OnRefusal::RefuseAll);
    let Ok(outcomes) = timeout_at(exchange.deadline(), offered).await else {
        return Err(NotTaken::OutcomeUnknown(request_id));
    };
    let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. } | Outcome::DeadLettered { .. });
    if outcomes.iter().all(is_taken) {
        given
            .iter()
            .for_each(|(id, digest)| endpoint.recent_ids.remember(id, *digest));
        if let Some(reply) = &endpoint.policy.reply {
            return Ok(reply.answer());
        }
    }
    Ok(answer::list::outcomes(&ids, outcomes))
}
