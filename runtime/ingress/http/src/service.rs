//! Handles one request to an endpoint, from its headers to its answer.

use bytes::Bytes;
use danube_wasm_ingress_listener::{
    Answer, Caller, Decompression, Encoding, Exchange, Handler, MemoryReservation, Refusal, auth::Admission,
    limits::GZIP_RATIO_MAX,
};
use danube_wasm_model::{OnInvalid, clock::now_ms, door::Outcome, event::Event};
use http::{HeaderMap, Method, request::Parts};
use tokio::time::{Instant, timeout_at};

use crate::{
    answer,
    body::{BodyReader, Contents, Item},
    content::BodyFormat,
    endpoint::Endpoint,
    event_id::{EventIdSource, IdReuse},
    event_limit::EventLimit,
    list,
    recent_ids::BodyDigest,
    request_head::event_of_head,
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
            Err(NotTaken::Broken(broken)) => answer::list::broken(&broken),
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
pub(crate) enum NotTaken {
    /// It was refused.
    Refused(Refusal),
    /// An earlier event with this id had another body.
    IdReused(String),
    /// The outcome of this event was not known in time.
    OutcomeUnknown(String),
    /// These of its events cannot be read.
    Broken(Vec<(usize, String)>),
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

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
    let format = format(endpoint, head)?;

    let mut reserved = exchange.reservation();
    let sent = match head.method {
        // That of a `GET` request is empty.
        Method::GET => Bytes::new(),
        _ => read(endpoint, exchange, format, &mut reserved).await?,
    };
    if admission.is_pending() {
        endpoint.auth.verify(&admission, &caller, &sent).await?;
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    if let Some(answer) = endpoint.policy.answer_to_body(&endpoint.auth, head, &sent).await? {
        return Ok(answer);
    }
    let header_id = endpoint.event_id.in_headers(&head.headers)?;
    let contents = decode(endpoint, head, sent, format, header_id.is_some(), &mut reserved).await?;
    let event = Event {
        received_ms,
        ..event_of_head(exchange, endpoint)
    };
    match contents {
        Contents::One(item) => one(endpoint, exchange, event, item, header_id).await,
        Contents::List(items) => list::take(endpoint, exchange, event, items, header_id, &mut reserved).await,
        Contents::Broken(broken) => Err(NotTaken::Broken(broken)),
    }
}

/// Reads the body as it was sent.
async fn read(
    endpoint: &Endpoint,
    exchange: &mut Exchange<'_>,
    format: BodyFormat,
    reserved: &mut MemoryReservation<'_>,
) -> Result<Bytes, Refusal> {
    let body_bytes_max = endpoint.body_bytes_max;
    // What is compressed may be longer than what comes of it, by little.
    if Encoding::of(&exchange.head().headers)? != Encoding::Identity {
        return exchange.read_body(body_bytes_max, reserved).await;
    }
    let limit = EventLimit::of(endpoint);
    let read = exchange
        .read_body(limit.of_body(format, body_bytes_max), reserved)
        .await;
    read.map_err(|refusal| limit.explain(refusal, body_bytes_max))
}

/// How the body is to be read; that of a `GET` request is empty.
fn format(endpoint: &Endpoint, head: &Parts) -> Result<BodyFormat, Refusal> {
    match head.method {
        Method::GET => Ok(BodyFormat::Bytes { is_json: false }),
        _ => endpoint.format(&head.headers),
    }
}

/// Takes the event of a request that has one.
async fn one(
    endpoint: &Endpoint,
    exchange: &Exchange<'_>,
    head: Event,
    item: Item,
    header_id: Option<String>,
) -> Result<Answer, NotTaken> {
    let given_id = item.id.clone().or(header_id);
    // An event with a minted id is never a retry.
    let digest = item.digest.filter(|_| given_id.is_some());
    let mint = || endpoint.event_id.replace_missing(endpoint.missing_id);
    let id = given_id.map_or_else(mint, Ok)?;
    check_id_reuse(exchange, endpoint, &id, digest)?;
    offer(endpoint, item.into_event(head, id), digest, exchange.deadline()).await
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
pub(crate) fn check_id_reuse(
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

/// Decompresses a body, and reads what it holds. `may_repeat` is whether the request has an id in a header.
async fn decode(
    endpoint: &Endpoint,
    head: &Parts,
    sent: Bytes,
    format: BodyFormat,
    may_repeat: bool,
    reserved: &mut MemoryReservation<'_>,
) -> Result<Contents, Refusal> {
    if head.method == Method::GET {
        return Ok(Contents::One(Item::default()));
    }
    let is_cloudevents = matches!(format, BodyFormat::CloudEvents(_));
    let may_repeat = may_repeat || is_cloudevents || matches!(endpoint.event_id, EventIdSource::JsonPointer(_));
    let limit = EventLimit::of(endpoint);
    let reader = BodyReader {
        format,
        limit,
        limit_of_each: EventLimit::of_each(endpoint),
        event_id: endpoint.event_id.clone(),
        key: endpoint.key.clone(),
        digester: may_repeat.then(|| endpoint.recent_ids.digester()),
        keeps_refused: endpoint.on_invalid == OnInvalid::DeadLetter,
        headers: if is_cloudevents {
            head.headers.clone()
        } else {
            HeaderMap::new()
        },
    };
    let decompression = Decompression {
        encoding: Encoding::of(&head.headers)?,
        bytes_max: limit.of_body(format, endpoint.body_bytes_max),
        ratio_max: GZIP_RATIO_MAX,
    };
    let decoded = decompression
        .decode(sent, reserved, move |body| reader.read(body))
        .await;
    decoded.map_err(|refusal| limit.explain(refusal, endpoint.body_bytes_max))
}
