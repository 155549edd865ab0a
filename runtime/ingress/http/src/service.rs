//! Handles one request to an endpoint, from its headers to its answer.

use bytes::{Buf, Bytes};
use danube_wasm_ingress_listener::{
    Answer, Caller, Decompression, Encoding, Exchange, Handler, MemoryReservation, Refusal, auth::Admission,
    limits::GZIP_RATIO_MAX,
};
use danube_wasm_model::{clock::now_ms, door::Outcome, event::Event};
use danube_wasm_settings::values::JsonPointer;
use http::{HeaderValue, Method, header::CONTENT_TYPE, request::Parts};
use tokio::time::{Instant, timeout_at};

use crate::{
    answer,
    endpoint::Endpoint,
    event_id::{self, EventIdSource, IdReuse},
    key,
    recent_ids::{BodyDigest, Digester},
};

impl Handler for Endpoint {
    fn path(&self) -> &std::sync::Arc<str> {
        self.path()
    }

    fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Answer, Refusal> {
        let head = exchange.head();
        let mut answer = match handle(self, exchange).await {
            Ok(answer) => answer,
            Err(NotTaken::Refused(refusal)) => return Err(refusal),
            Err(NotTaken::IdReused(id)) => answer::id_reused(&id),
            Err(NotTaken::OutcomeUnknown(id)) => answer::outcome_unknown(&id),
        };
        self.policy.add_headers(head, &mut answer);
        Ok(answer)
    }

    fn refuse(endpoint: Option<&Self>, head: &Parts, refusal: Refusal) -> Answer {
        let mut answer = answer::refusal(&refusal);
        if let Some(endpoint) = endpoint {
            endpoint.policy.add_headers(head, &mut answer);
        }
        answer
    }
}

/// Why a request was not offered to the pipeline, or why its outcome is unknown.
enum NotTaken {
    /// It was refused.
    Refused(Refusal),
    /// An earlier event with this id had another body.
    IdReused(String),
    /// The outcome of this event was not known in time.
    OutcomeUnknown(String),
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

const JSON_ONLY: &str = "this endpoint takes JSON: send `content-type: application/json`";

/// Handles a request in the order of steps that costs an unauthenticated caller most and the host least.
async fn handle(endpoint: &Endpoint, exchange: &mut Exchange<'_>) -> Result<Answer, NotTaken> {
    let head = exchange.head();
    endpoint.policy.admit(exchange)?;
    if let Some(answer) = endpoint.policy.answer_to_head(head, &endpoint.allow())? {
        return Ok(answer);
    }
    if !endpoint.allows(&head.method) {
        return Err(Refusal::Method(endpoint.allow()).into());
    }
    let received_ms = now_ms();
    let caller = exchange.caller(received_ms / 1000);
    let admission = authenticate(endpoint, &caller).await?;
    let needs_json = endpoint.needs_json(&head.method);
    if needs_json && !is_json_type(head.headers.get(CONTENT_TYPE)) {
        return Err(Refusal::MediaType(JSON_ONLY).into());
    }

    let mut reserved = exchange.reservation();
    let sent = match head.method {
        // That of a `GET` request is empty.
        Method::GET => Bytes::new(),
        _ => exchange.read_body(endpoint.body_bytes_max, &mut reserved).await?,
    };
    if admission.is_pending() {
        endpoint.auth.verify(&admission, &caller, &sent).await?;
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    if let Some(answer) = endpoint.policy.answer_to_body(&endpoint.auth, head, &sent).await? {
        return Ok(answer);
    }
    let header_id = endpoint.event_id.in_headers(&head.headers)?;
    let may_have_id = header_id.is_some() || matches!(endpoint.event_id, EventIdSource::JsonPointer(_));
    let digester = may_have_id.then(|| endpoint.recent_ids.digester());
    let body = decode(endpoint, head, sent, needs_json, digester, &mut reserved).await?;
    let given_id = header_id.or(body.id);
    // An event with a minted id is never a retry.
    let digest = body.digest.filter(|_| given_id.is_some());
    let id = given_id.map_or_else(event_id::mint, Ok)?;
    check_id_reuse(exchange, endpoint, &id, digest)?;

    let event = Event {
        id,
        payload: body.payload,
        key: body.key,
        received_ms,
        ..event_of_head(exchange, endpoint)
    };
    offer(endpoint, event, digest, exchange.deadline()).await
}

/// Checks the headers' credentials. An authenticated request counts against the rate limit; a signed one does so once its
/// signature is verified.
async fn authenticate(endpoint: &Endpoint, caller: &Caller<'_>) -> Result<Admission, Refusal> {
    let admission = endpoint.auth.authenticate(caller).await?;
    if !admission.is_pending() {
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    Ok(admission)
}

/// Reports an id that an earlier event had with another body, and refuses it where the endpoint says so.
fn check_id_reuse(
    exchange: &Exchange<'_>,
    endpoint: &Endpoint,
    id: &str,
    digest: Option<BodyDigest>,
) -> Result<(), NotTaken> {
    if digest.is_some_and(|digest| endpoint.recent_ids.has_other_body(id, digest)) {
        exchange.observer().id_reused(endpoint.path());
        tracing::warn!(endpoint = %endpoint.path(), event = %id, "the id of an event came with another body before: only the first is kept");
        if endpoint.id_reuse == IdReuse::Reject {
            return Err(NotTaken::IdReused(id.to_owned()));
        }
    }
    Ok(())
}

/// Offers an event to the intake and waits for its outcome. An accepted event's id is remembered.
async fn offer(
    endpoint: &Endpoint,
    event: Event,
    digest: Option<BodyDigest>,
    deadline: Instant,
) -> Result<Answer, NotTaken> {
    let id = event.id.clone();
    match timeout_at(deadline, endpoint.intake.offer(event)).await {
        Ok(outcome) => {
            if let (Some(digest), Outcome::Accepted { .. } | Outcome::DeadLettered { .. }) = (digest, &outcome) {
                endpoint.recent_ids.remember(&id, digest);
            }
            Ok(match (&endpoint.policy.reply, &outcome) {
                (Some(reply), Outcome::Accepted { answer: None, .. } | Outcome::DeadLettered { .. }) => reply.answer(),
                _ => answer::outcome(outcome, &id),
            })
        }
        Err(_) => Err(NotTaken::OutcomeUnknown(id)),
    }
}

/// Returns an event with what the head of its request says about it.
fn event_of_head(exchange: &Exchange<'_>, endpoint: &Endpoint) -> Event {
    let head = exchange.head();
    Event {
        endpoint: endpoint.path().clone(),
        id: String::new(),
        payload: Bytes::new(),
        content_type: text(head.headers.get(CONTENT_TYPE)),
        key: None,
        received_ms: 0,
        attributes: attributes(exchange, endpoint),
        headers: match endpoint.wants_headers {
            true => endpoint.event_headers(&head.headers),
            false => Vec::new(),
        },
        traceparent: exchange.traceparent(),
    }
}

/// A missing media type counts as JSON: many senders leave it out, and the body is parsed in any case.
fn is_json_type(value: Option<&HeaderValue>) -> bool {
    let Some(value) = value else { return true };
    let essence = value
        .as_bytes()
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let structured = essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json");
    structured || essence.eq_ignore_ascii_case(b"application/json")
}

/// A decoded body and what was found in it.
struct Decoded {
    payload: Bytes,
    id: Option<String>,
    key: Option<Bytes>,
    digest: Option<BodyDigest>,
}

/// Some senders put it before the text. It is not JSON, and parsers may ignore it (RFC 8259, section 8.1); neither components
/// nor schemas do.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to find in a body.
struct BodyReader {
    needs_json: bool,
    /// Whether it must be JSON or its media type is JSON.
    is_json: bool,
    event_id: EventIdSource,
    key: Option<JsonPointer>,
    digester: Option<Digester>,
}

impl BodyReader {
    fn read(&self, mut payload: Bytes) -> Result<Decoded, Refusal> {
        if self.is_json && payload.starts_with(BYTE_ORDER_MARK) {
            payload.advance(BYTE_ORDER_MARK.len());
        }
        Ok(Decoded {
            id: self.event_id.in_body(&payload, self.needs_json)?,
            key: self
                .key
                .as_ref()
                .and_then(|pointer| key::find(&payload, pointer.steps())),
            digest: self.digester.as_ref().map(|digester| digester.digest(&payload)),
            payload,
        })
    }
}

/// Decompresses a body, checks that it is JSON where it must be, and finds the event's id and key in it.
async fn decode(
    endpoint: &Endpoint,
    head: &Parts,
    sent: Bytes,
    needs_json: bool,
    digester: Option<Digester>,
    reserved: &mut MemoryReservation<'_>,
) -> Result<Decoded, Refusal> {
    if head.method == Method::GET {
        return Ok(Decoded {
            payload: sent,
            id: None,
            key: None,
            digest: None,
        });
    }
    let reader = BodyReader {
        needs_json,
        is_json: needs_json
            || (head.headers.contains_key(CONTENT_TYPE) && is_json_type(head.headers.get(CONTENT_TYPE))),
        event_id: endpoint.event_id.clone(),
        key: endpoint.key.clone(),
        digester,
    };
    let decompression = Decompression {
        encoding: Encoding::of(&head.headers)?,
        bytes_max: endpoint.body_bytes_max,
        ratio_max: GZIP_RATIO_MAX,
    };
    decompression
        .decode(sent, reserved, move |payload| reader.read(payload))
        .await
}

fn attributes(exchange: &Exchange<'_>, endpoint: &Endpoint) -> Vec<(String, String)> {
    if !endpoint.wants_attributes {
        return Vec::new();
    }
    let head = exchange.head();
    vec![
        ("method".to_owned(), head.method.as_str().to_owned()),
        ("path".to_owned(), head.uri.path().to_owned()),
        (
            "query".to_owned(),
            endpoint
                .auth
                .query_without_credential(head.uri.query().unwrap_or_default()),
        ),
        ("client-ip".to_owned(), exchange.client().to_string()),
    ]
}

fn text(value: Option<&HeaderValue>) -> String {
    value.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}
