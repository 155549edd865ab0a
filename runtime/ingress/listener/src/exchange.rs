//! One request as its handler sees it.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::request::Parts;
use hyper::body::Incoming;
use rustls_pki_types::CertificateDer;
use tokio::time::{Duration, Instant};

use crate::{
    auth::Caller,
    body,
    memory::MemoryReservation,
    observer::{Observer, RequestSpan, is_traceparent},
    refusal::Refusal,
    shared::Shared,
};

/// One request to a handler: its head, its body, who sent it, and the limits of its listener.
pub struct Exchange<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) head: &'a Parts,
    pub(crate) body: &'a mut Incoming,
    pub(crate) socket: IpAddr,
    pub(crate) certificate: Option<&'a CertificateDer<'static>>,
    pub(crate) started: Instant,
    pub(crate) span: Option<&'a dyn RequestSpan>,
    /// Size of the body as sent, once it was read: for the report, also of a request whose caller disconnects.
    pub(crate) body_bytes: &'a mut usize,
}

impl<'a> Exchange<'a> {
    /// Method, target and headers.
    pub fn head(&self) -> &'a Parts {
        self.head
    }

    /// The client's address: the socket's, or what a trusted proxy says.
    pub fn client(&self) -> IpAddr {
        self.shared.proxies.client(self.socket, &self.head.headers)
    }

    /// The request as authentication sees it.
    pub fn caller(&self, now_secs: u64) -> Caller<'a> {
        Caller {
            certificate: self.certificate,
            ..Caller::new(self.head, now_secs)
        }
    }

    /// For the events of this request: `traceparent` of its span, else the caller's.
    pub fn traceparent(&self) -> Option<String> {
        let own = self.span.and_then(|span| span.traceparent());
        own.or_else(|| caller_traceparent(self.head).map(str::to_owned))
    }

    /// When the request must be answered.
    pub fn deadline(&self) -> Instant {
        self.started + Duration::from_millis(self.shared.limits.request_ms_max)
    }

    /// Is notified of what happens at the listener.
    pub fn observer(&self) -> &'a Arc<dyn Observer> {
        &self.shared.observer
    }

    /// Returns an empty share of the memory that the bodies of the listener may use. Keep it as long as the body is in memory.
    pub fn reservation(&self) -> MemoryReservation<'a> {
        self.shared.bodies.reservation()
    }

    /// Reads the whole body as it was sent, up to this many bytes and the listener's time.
    pub async fn read_body(
        &mut self,
        bytes_max: usize,
        reserved: &mut MemoryReservation<'_>,
    ) -> Result<Bytes, Refusal> {
        let deadline = self.started + Duration::from_millis(self.shared.limits.body_read_ms_max);
        let sent = body::read(self.body, bytes_max, reserved, deadline).await?;
        *self.body_bytes = sent.len();
        Ok(sent)
    }
}

/// The caller's `traceparent`, if it sent exactly one and it is valid.
pub(crate) fn caller_traceparent(head: &Parts) -> Option<&str> {
    let mut values = head.headers.get_all("traceparent").iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().filter(|text| is_traceparent(text)),
        _ => None,
    }
}
