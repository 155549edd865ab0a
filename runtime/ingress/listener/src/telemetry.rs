//! Counts requests and opens the first span of their traces.

use std::{sync::Arc, time::Duration};

use danube_wasm_telemetry::{Metrics, Span, Tracing};

use crate::{Observer, RequestSpan};

/// Counts and traces requests.
pub struct HttpObserver {
    /// Counts them.
    pub metrics: Arc<Metrics>,
    /// Traces them.
    pub tracing: Tracing,
}

struct HttpSpan(Span);

impl Observer for HttpObserver {
    fn request_finished(&self, endpoint: &str, status: u16, elapsed: Duration, _: usize) {
        self.metrics.http_request(endpoint, status, elapsed);
    }

    fn id_reused(&self, endpoint: &str) {
        self.metrics.id_reused(endpoint);
    }

    fn begin(&self, endpoint: &str, traceparent: Option<&str>) -> Option<Box<dyn RequestSpan>> {
        if !self.tracing.is_on() {
            return None;
        }
        let attributes = vec![("http.route", endpoint.to_owned())];
        let span = self.tracing.start("http.request", traceparent, attributes)?;
        Some(Box::new(HttpSpan(span)))
    }
}

impl RequestSpan for HttpSpan {
    fn traceparent(&self) -> Option<String> {
        Some(self.0.traceparent())
    }

    fn finish(self: Box<Self>, status: u16) {
        let error = (status >= 500).then(|| format!("answered {status}"));
        self.0
            .finish(error, vec![("http.response.status_code", status.to_string())]);
    }
}
