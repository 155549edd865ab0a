//! One request, from its headers to its answer.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderValue, Request, Version, header::CONNECTION, request::Parts};
use http_body::Body;
use hyper::body::Incoming;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use crate::{
    activity::Activity,
    answer::{Answer, ObservedStatus},
    exchange::{Exchange, caller_traceparent},
    handler::Handler,
    http1,
    observer::{RequestSpan, STATUS_CLIENT_GONE, UNKNOWN_ENDPOINT},
    refusal::Refusal,
    routes::RouteTable,
    shared::Shared,
};

/// What the requests of one connection share.
pub(crate) struct Caller<H> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) routes: Arc<RouteTable<H>>,
    pub(crate) socket: IpAddr,
    pub(crate) certificate: Option<CertificateDer<'static>>,
    pub(crate) activity: Arc<Activity>,
}

/// Answers one request.
pub(crate) async fn respond<H: Handler>(caller: Arc<Caller<H>>, request: Request<Incoming>) -> Answer {
    let shared = &*caller.shared;
    let _busy = caller.activity.begin(shared);
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    // Held to the end of the request: a replaced handler is dropped after its last one.
    let handler = caller.routes.find(head.uri.path());
    let handler = handler.as_deref();
    let mut report = Report::begin(shared, started, handler.map(|handler| &**handler.path()), &head);

    let handled = {
        let mut exchange = Exchange {
            shared,
            head: &head,
            body: &mut body,
            socket: caller.socket,
            certificate: caller.certificate.as_ref(),
            started,
            span: report.span.as_deref(),
            body_bytes: &mut report.body_bytes,
        };
        handle(handler, &mut exchange).await
    };
    let closes = match &handled {
        Err(refusal) => refusal.closes_connection(),
        Ok(_) => shared.is_draining(),
    };
    let is_client_gone = matches!(handled, Err(Refusal::ClientGone));
    let mut answer = handled.unwrap_or_else(|refusal| H::refuse(handler, &head, refusal));
    if closes && head.version <= Version::HTTP_11 {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    caller.activity.set_body_unread(!body.is_end_stream());
    report.status = if is_client_gone {
        STATUS_CLIENT_GONE
    } else {
        let observed = answer.extensions().get().map(|ObservedStatus(status)| *status);
        observed.unwrap_or(answer.status()).as_u16()
    };
    answer
}

async fn handle<H: Handler>(handler: Option<&H>, exchange: &mut Exchange<'_>) -> Result<Answer, Refusal> {
    if exchange.shared.is_draining() {
        return Err(Refusal::Draining);
    }
    http1::check(exchange.head)?;
    handler.ok_or(Refusal::NoEndpoint)?.handle(exchange).await
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
    fn begin(shared: &'a Shared, started: Instant, endpoint: Option<&'a str>, head: &Parts) -> Self {
        let span = endpoint.and_then(|endpoint| shared.observer.begin(endpoint, caller_traceparent(head)));
        Self {
            shared,
            endpoint: endpoint.unwrap_or(UNKNOWN_ENDPOINT),
            started,
            span,
            status: STATUS_CLIENT_GONE,
            body_bytes: 0,
        }
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
