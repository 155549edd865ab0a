//! Handles one request, from its headers to its answer.

use std::{net::IpAddr, sync::Arc};

use bytes::{Buf, Bytes};
use danube_wasm_model::{clock::now_ms, door::Outcome, event::Event};
use danube_wasm_settings::values::JsonPointer;
use http::{
    HeaderValue, Method, Request, Version,
    header::{CONNECTION, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body;
use hyper::body::Incoming;
use tokio::time::{Duration, Instant, timeout_at};

use crate::{
    activity::Activity,
    answer::{self, Answer, Refusal},
    auth::Admission,
    body::{self, DecodeReservation, Encoding, MemoryReservation},
    endpoint::Endpoint,
    event_id::{self, EventIdSource, IdReuse},
    http1, key,
    limits::INLINE_DECODE_BYTES_MAX,
    observer::{RequestSpan, STATUS_CLIENT_GONE, UNKNOWN_ENDPOINT, is_traceparent},
    recent_ids::{BodyDigest, Digester},
    shared::Shared,
};

/// What the requests of one connection share.
pub(crate) struct Caller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) socket: IpAddr,
    pub(crate) activity: Arc<Activity>,
}

/// Answers one request.
pub(crate) async fn respond(caller: Arc<Caller>, request: Request<Incoming>) -> Answer {
    let shared = &*caller.shared;
    let _busy = caller.activity.begin(shared);
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    let endpoint = shared.endpoint(head.uri.path());
    let endpoint = endpoint.as_deref();
    let mut report = Report::begin(shared, started, endpoint, &head);

    let handled = handle(&caller, endpoint, &head, &mut body, &mut report).await;
    let closes = match &handled {
        Err(refusal) => refusal.closes_connection(),
        Ok(_) => shared.is_draining(),
    };
    let is_client_gone = matches!(handled, Err(Refusal::ClientGone));
    let mut answer = handled.unwrap_or_else(Refusal::into_answer);
    if closes && head.version <= Version::HTTP_11 {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    caller.activity.set_body_unread(!body.is_end_stream());
    report.status = if is_client_gone {
        STATUS_CLIENT_GONE
    } else {
        answer.status().as_u16()
    };
    answer
}

impl Refusal {
    /// Whether the connection must be closed: the rest of the body is unread, or the listener drains.
    fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::TooLarge(_)
                | Self::TooSlow
                | Self::NotHttp(_)
                | Self::TransferCoding
                | Self::Draining
                | Self::ClientGone
        )
    }
}

/// Handles a request in the order of steps that costs an unauthenticated caller most and the host least.
async fn handle(
    caller: &Caller,
    endpoint: Option<&Endpoint>,
    head: &Parts,
    body: &mut Incoming,
    report: &mut Report<'_>,
) -> Result<Answer, Refusal> {
    let shared = &*caller.shared;
    if shared.is_draining() {
        return Err(Refusal::Draining);
    }
    http1::check(head)?;
    let endpoint = endpoint.ok_or(Refusal::NoEndpoint)?;
    if !endpoint.allows(&head.method) {
        return Err(Refusal::Method(endpoint.allow()));
    }
    let received_ms = now_ms();
    let admission = authenticate(endpoint, head, received_ms)?;
    let needs_json = endpoint.needs_json(&head.method);
    if needs_json && !is_json_type(head.headers.get(CONTENT_TYPE)) {
        return Err(Refusal::NotJsonType);
    }

    let mut reserved = shared.bodies.reservation();
    let sent = read_body(shared, endpoint, head, body, &mut reserved, report).await?;
    if matches!(admission, Admission::Signed(_)) {
        endpoint.auth.verify(&admission, &sent).map_err(Refusal::Denied)?;
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    let header_id = endpoint.event_id.in_headers(&head.headers)?;
    let may_have_id = header_id.is_some() || matches!(endpoint.event_id, EventIdSource::JsonPointer(_));
    let digester = may_have_id.then(|| endpoint.recent_ids.digester());
    let body = decode(endpoint, head, sent, needs_json, digester, &mut reserved).await?;
    let given_id = header_id.or(body.id);
    // An event with a minted id is never a retry.
    let digest = body.digest.filter(|_| given_id.is_some());
    let id = given_id.map_or_else(event_id::mint, Ok)?;
    check_id_reuse(shared, endpoint, &id, digest)?;

    let event = Event {
        id,
        payload: body.payload,
        key: body.key,
        received_ms,
        ..event_of_head(caller, endpoint, head, report)
    };
    let deadline = report.started + Duration::from_millis(shared.limits.request_ms_max);
    offer(endpoint, event, digest, deadline).await
}

/// Checks the headers' credentials. An authenticated request counts against the rate limit; a signed one does so once its
/// signature is verified.
fn authenticate(endpoint: &Endpoint, head: &Parts, now_ms: u64) -> Result<Admission, Refusal> {
    let admission = endpoint
        .auth
        .authenticate(&head.method, &head.headers, now_ms / 1000)
        .map_err(Refusal::Denied)?;
    if matches!(admission, Admission::Authenticated) {
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    Ok(admission)
}

/// Reads the body as it was sent; that of a `GET` request is empty.
async fn read_body(
    shared: &Shared,
    endpoint: &Endpoint,
    head: &Parts,
    body: &mut Incoming,
    reserved: &mut MemoryReservation<'_>,
    report: &mut Report<'_>,
) -> Result<Bytes, Refusal> {
    let sent = if head.method == Method::GET {
        Bytes::new()
    } else {
        let deadline = report.started + Duration::from_millis(shared.limits.body_read_ms_max);
        body::read(body, endpoint.body_bytes_max, reserved, deadline).await?
    };
    report.body_bytes = sent.len();
    Ok(sent)
}

/// Reports an id that an earlier event had with another body, and refuses it where the endpoint says so.
fn check_id_reuse(shared: &Shared, endpoint: &Endpoint, id: &str, digest: Option<BodyDigest>) -> Result<(), Refusal> {
    if digest.is_some_and(|digest| endpoint.recent_ids.has_other_body(id, digest)) {
        shared.observer.id_reused(endpoint.path());
        tracing::warn!(endpoint = %endpoint.path(), event = %id, "the id of an event came with another body before: only the first is kept");
        if endpoint.id_reuse == IdReuse::Reject {
            return Err(Refusal::IdReused(id.to_owned()));
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
) -> Result<Answer, Refusal> {
    let id = event.id.clone();
    match timeout_at(deadline, endpoint.intake.offer(event)).await {
        Ok(outcome) => {
            if let (Some(digest), Outcome::Accepted { .. } | Outcome::DeadLettered { .. }) = (digest, &outcome) {
                endpoint.recent_ids.remember(&id, digest);
            }
            Ok(answer::outcome(outcome, &id))
        }
        Err(_) => Err(Refusal::OutcomeUnknown(id)),
    }
}

/// Returns an event with what the head of its request says about it.
fn event_of_head(caller: &Caller, endpoint: &Endpoint, head: &Parts, report: &mut Report<'_>) -> Event {
    Event {
        endpoint: endpoint.path().clone(),
        id: String::new(),
        payload: Bytes::new(),
        content_type: text(head.headers.get(CONTENT_TYPE)),
        key: None,
        received_ms: 0,
        attributes: attributes(caller, endpoint, head),
        headers: match endpoint.wants_headers {
            true => endpoint.event_headers(&head.headers),
            false => Vec::new(),
        },
        traceparent: report.traceparent(head),
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

/// How to decode a body.
#[derive(Clone)]
struct Decoding {
    encoding: Encoding,
    bytes_max: usize,
    needs_json: bool,
    /// Whether it must be JSON or its media type is JSON.
    is_json: bool,
    event_id: EventIdSource,
    key: Option<JsonPointer>,
    digester: Option<Digester>,
}

impl Decoding {
    fn run(&self, sent: Bytes) -> Result<Decoded, Refusal> {
        let mut payload = match self.encoding {
            Encoding::Identity => sent,
            Encoding::Gzip => body::gunzip(&sent, self.bytes_max)?,
        };
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

/// Decompresses a body, checks that it is JSON where it must be, and finds the event's id and key in it. Large bodies are
/// decoded off the I/O threads, so that other connections do not wait.
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
    let decoding = Decoding {
        encoding: Encoding::of(&head.headers)?,
        bytes_max: endpoint.body_bytes_max,
        needs_json,
        is_json: needs_json
            || (head.headers.contains_key(CONTENT_TYPE) && is_json_type(head.headers.get(CONTENT_TYPE))),
        event_id: endpoint.event_id.clone(),
        key: endpoint.key.clone(),
        digester,
    };
    let (decode_reserved, bytes_max) = match decoding.encoding {
        Encoding::Identity => (None, sent.len()),
        Encoding::Gzip => {
            let decode_reserved = DecodeReservation::reserve(reserved, sent.len(), decoding.bytes_max)?;
            (
                Some(decode_reserved),
                body::decoded_bytes_max(sent.len(), decoding.bytes_max),
            )
        }
    };
    let decoded = if bytes_max <= INLINE_DECODE_BYTES_MAX {
        decoding.run(sent)
    } else {
        let task = tokio::task::spawn_blocking(move || decoding.run(sent));
        task.await.unwrap_or(Err(Refusal::Overloaded))
    };
    if let (Some(decode_reserved), Ok(Decoded { payload, .. })) = (decode_reserved, &decoded) {
        decode_reserved.shrink_to(reserved, payload.len());
    }
    decoded
}

fn attributes(caller: &Caller, endpoint: &Endpoint, head: &Parts) -> Vec<(String, String)> {
    if !endpoint.wants_attributes {
        return Vec::new();
    }
    let client = caller.shared.proxies.client(caller.socket, &head.headers);
    vec![
        ("method".to_owned(), head.method.as_str().to_owned()),
        ("path".to_owned(), head.uri.path().to_owned()),
        ("query".to_owned(), head.uri.query().unwrap_or_default().to_owned()),
        ("client-ip".to_owned(), client.to_string()),
    ]
}

fn text(value: Option<&HeaderValue>) -> String {
    value.map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}

/// Reports to the observer how a request ended, also when its future is dropped because the caller disconnected.
struct Report<'a> {
    shared: &'a Shared,
    endpoint: &'a str,
    started: Instant,
    span: Option<Box<dyn RequestSpan>>,
    status: u16,
    body_bytes: usize,
}

impl<'a> Report<'a> {
    fn begin(shared: &'a Shared, started: Instant, endpoint: Option<&'a Endpoint>, head: &Parts) -> Self {
        let span = endpoint.and_then(|endpoint| shared.observer.begin(endpoint.path(), caller_traceparent(head)));
        Self {
            shared,
            endpoint: endpoint.map_or(UNKNOWN_ENDPOINT, |endpoint| endpoint.path()),
            started,
            span,
            status: STATUS_CLIENT_GONE,
            body_bytes: 0,
        }
    }

    /// The event's `traceparent`: that of this request's span, else the caller's.
    fn traceparent(&self, head: &Parts) -> Option<String> {
        let own = self.span.as_ref().and_then(|span| span.traceparent());
        own.or_else(|| caller_traceparent(head).map(str::to_owned))
    }
}

/// The caller's `traceparent`, if it sent exactly one and it is valid.
fn caller_traceparent(head: &Parts) -> Option<&str> {
    let mut values = head.headers.get_all("traceparent").iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().filter(|text| is_traceparent(text)),
        _ => None,
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let observer = &self.shared.observer;
        observer.request_finished(self.endpoint, self.status, elapsed, self.body_bytes);
        if let Some(span) = self.span.take() {
            span.finish(self.status);
        }
    }
}
