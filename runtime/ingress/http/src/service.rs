//! One request, from its headers to its answer.

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
    body::{self, Encoding, Room, Share},
    endpoint::Endpoint,
    event_id::{self, EventIdSource, IdReuse},
    http1, key,
    limits::INLINE_DECODE_BYTES_MAX,
    observer::{RequestSpan, STATUS_CLIENT_GONE, UNKNOWN_ENDPOINT, is_traceparent},
    seen::{BodyDigest, Digester},
    shared::Shared,
};

/// What the requests of one connection have in common.
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

    let taken = take(&caller, endpoint, &head, &mut body, &mut report).await;
    let hang_up = match &taken {
        Err(refusal) => refusal.hangs_up(),
        Ok(_) => shared.is_draining(),
    };
    let gone = matches!(taken, Err(Refusal::Gone));
    let mut answer = taken.unwrap_or_else(Refusal::into_answer);
    if hang_up && head.version <= Version::HTTP_11 {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    caller.activity.set_body_unread(!body.is_end_stream());
    report.status = if gone {
        STATUS_CLIENT_GONE
    } else {
        answer.status().as_u16()
    };
    answer
}

impl Refusal {
    /// Whether the connection is of no use after it: the rest of its body is still to come, or nothing more is wanted.
    fn hangs_up(&self) -> bool {
        matches!(
            self,
            Self::TooLarge(_) | Self::TooSlow | Self::NotHttp(_) | Self::TransferCoding | Self::Draining | Self::Gone
        )
    }
}

/// The steps, in the order that costs a stranger most and the host least.
async fn take(
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
    let admission = endpoint
        .auth
        .admit(&head.method, &head.headers, received_ms / 1000)
        .map_err(Refusal::Denied)?;
    if matches!(admission, Admission::Known) {
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    let needs_json = endpoint.needs_json(&head.method);
    if needs_json && !is_json_type(head.headers.get(CONTENT_TYPE)) {
        return Err(Refusal::NotJsonType);
    }

    let mut share = shared.bodies.share();
    let sent = if head.method == Method::GET {
        Bytes::new()
    } else {
        let deadline = report.started + Duration::from_millis(shared.limits.body_read_ms_max);
        body::read(body, endpoint.body_bytes_max, &mut share, deadline).await?
    };
    report.body_bytes = sent.len();
    if matches!(admission, Admission::Signed(_)) {
        endpoint.auth.verify(&admission, &sent).map_err(Refusal::Denied)?;
        endpoint.meter.take().map_err(Refusal::Rate)?;
    }
    let header_id = endpoint.event_id.in_headers(&head.headers)?;
    let may_have_id = header_id.is_some() || matches!(endpoint.event_id, EventIdSource::JsonPointer(_));
    let digester = may_have_id.then(|| endpoint.seen.digester());
    let body = decode(endpoint, head, sent, needs_json, digester, &mut share).await?;
    let given_id = header_id.or(body.id);
    // What a sender gave no id for is nobody's retry.
    let digest = body.digest.filter(|_| given_id.is_some());
    let id = given_id.map_or_else(event_id::mint, Ok)?;
    if digest.is_some_and(|digest| endpoint.seen.differs(&id, digest)) {
        shared.observer.id_reused(endpoint.path());
        tracing::warn!(endpoint = %endpoint.path(), event = %id, "the id of an event came with another body before: only the first is kept");
        if endpoint.id_reuse == IdReuse::Reject {
            return Err(Refusal::IdReused(id));
        }
    }

    let event = Event {
        id: id.clone(),
        payload: body.payload,
        key: body.key,
        received_ms,
        ..described(caller, endpoint, head, report)
    };
    let deadline = report.started + Duration::from_millis(shared.limits.request_ms_max);
    match timeout_at(deadline, endpoint.intake.offer(event)).await {
        Ok(outcome) => {
            if let (Some(digest), Outcome::Accepted { .. } | Outcome::DeadLettered { .. }) = (digest, &outcome) {
                endpoint.seen.remember(&id, digest);
            }
            Ok(answer::outcome(outcome, &id))
        }
        Err(_) => Err(Refusal::Undecided(id)),
    }
}

/// What the head of a request says of its event.
fn described(caller: &Caller, endpoint: &Endpoint, head: &Parts, report: &mut Report<'_>) -> Event {
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

/// Absent is taken for JSON: many senders leave it out, and the body is parsed in any case.
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

/// What a body turned out to be.
struct Decoded {
    payload: Bytes,
    id: Option<String>,
    key: Option<Bytes>,
    digest: Option<BodyDigest>,
}

/// What some senders put before the first character of a text. It is not JSON, and readers may ignore it (RFC 8259, section
/// 8.1); nothing behind this would.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a body is to be looked at.
#[derive(Clone)]
struct Decoding {
    encoding: Encoding,
    bytes_max: usize,
    needs_json: bool,
    /// It must be JSON, or its sender says so.
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

/// Decompresses, checks that JSON is JSON, and finds an event's id and key in it. Large bodies are not worked on here, where
/// other connections wait for the thread.
async fn decode(
    endpoint: &Endpoint,
    head: &Parts,
    sent: Bytes,
    needs_json: bool,
    digester: Option<Digester>,
    share: &mut Share<'_>,
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
    let (room, most) = match decoding.encoding {
        Encoding::Identity => (None, sent.len()),
        Encoding::Gzip => {
            let room = Room::take(share, sent.len(), decoding.bytes_max)?;
            (Some(room), body::decoded_bytes_max(sent.len(), decoding.bytes_max))
        }
    };
    let decoded = if most <= INLINE_DECODE_BYTES_MAX {
        decoding.run(sent)
    } else {
        let task = tokio::task::spawn_blocking(move || decoding.run(sent));
        task.await.unwrap_or(Err(Refusal::Overloaded))
    };
    if let (Some(room), Ok(Decoded { payload, .. })) = (room, &decoded) {
        room.settle(share, payload.len());
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

/// Tells the observer how a request ended, also when its future is dropped because the caller went away.
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
        let span = endpoint.and_then(|endpoint| shared.observer.begin(endpoint.path(), callers_trace(head)));
        Self {
            shared,
            endpoint: endpoint.map_or(UNKNOWN_ENDPOINT, |endpoint| endpoint.path()),
            started,
            span,
            status: STATUS_CLIENT_GONE,
            body_bytes: 0,
        }
    }

    /// For the event: of this request's span, else the caller's.
    fn traceparent(&self, head: &Parts) -> Option<String> {
        let own = self.span.as_ref().and_then(|span| span.traceparent());
        own.or_else(|| callers_trace(head).map(str::to_owned))
    }
}

/// The caller's `traceparent`, if it sent one, and a valid one.
fn callers_trace(head: &Parts) -> Option<&str> {
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
