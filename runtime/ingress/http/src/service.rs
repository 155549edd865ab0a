//! One request, from its headers to its answer.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use danube_wasm_model::{clock::now_ms, event::Event};
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
    event_id, http1,
    limits::INLINE_DECODE_BYTES_MAX,
    observer::{RequestSpan, STATUS_CLIENT_GONE, UNKNOWN_ENDPOINT, is_traceparent},
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
    let (payload, body_id) = decode(endpoint, head, sent, needs_json, &mut share).await?;
    let id = header_id.or(body_id).map_or_else(event_id::mint, Ok)?;

    let event = Event {
        endpoint: endpoint.path().clone(),
        id: id.clone(),
        payload,
        content_type: text(head.headers.get(CONTENT_TYPE)),
        key: None,
        received_ms,
        attributes: attributes(caller, endpoint, head),
        headers: if endpoint.wants_headers {
            endpoint.event_headers(&head.headers)
        } else {
            Vec::new()
        },
        traceparent: report.traceparent(head),
    };
    let deadline = report.started + Duration::from_millis(shared.limits.request_ms_max);
    match timeout_at(deadline, endpoint.intake.offer(event)).await {
        Ok(outcome) => Ok(answer::outcome(outcome, &id)),
        Err(_) => Err(Refusal::Undecided(id)),
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

/// Decompresses, checks that JSON is JSON, and finds an event id in it. Large bodies are not worked on here, where other
/// connections wait for the thread.
async fn decode(
    endpoint: &Endpoint,
    head: &Parts,
    sent: Bytes,
    needs_json: bool,
    share: &mut Share<'_>,
) -> Result<(Bytes, Option<String>), Refusal> {
    if head.method == Method::GET {
        return Ok((sent, None));
    }
    let encoding = Encoding::of(&head.headers)?;
    let bytes_max = endpoint.body_bytes_max;
    let room = match encoding {
        Encoding::Identity => None,
        Encoding::Gzip => Some(Room::take(share, sent.len(), bytes_max)?),
    };
    let most = match encoding {
        Encoding::Identity => sent.len(),
        Encoding::Gzip => body::decoded_bytes_max(sent.len(), bytes_max),
    };
    let event_id = &endpoint.event_id;
    let work = move |event_id: &event_id::EventIdSource| {
        let payload = match encoding {
            Encoding::Identity => sent,
            Encoding::Gzip => body::gunzip(&sent, bytes_max)?,
        };
        let id = event_id.in_body(&payload, needs_json)?;
        Ok((payload, id))
    };
    let decoded = if most <= INLINE_DECODE_BYTES_MAX {
        work(event_id)
    } else {
        let event_id = event_id.clone();
        let task = tokio::task::spawn_blocking(move || work(&event_id));
        task.await.unwrap_or(Err(Refusal::Overloaded))
    };
    if let (Some(room), Ok((payload, _))) = (room, &decoded) {
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
