//! Exports spans, and reports failures: in the log when they start and end, and in a metric.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter as Exports},
};

use crate::Metrics;

/// See the module.
pub(super) struct ReportingExporter {
    exporter: SpanExporter,
    endpoint: String,
    metrics: Arc<Metrics>,
    is_failing: AtomicBool,
}

impl ReportingExporter {
    pub(super) fn new(exporter: SpanExporter, endpoint: &str, metrics: Arc<Metrics>) -> Self {
        Self {
            exporter,
            endpoint: endpoint.to_owned(),
            metrics,
            is_failing: AtomicBool::new(false),
        }
    }

    fn report(&self, result: &OTelSdkResult, spans: usize) {
        let endpoint = &self.endpoint;
        match result {
            Ok(()) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(endpoint, "traces are exported again");
                }
            }
            Err(error) => {
                self.metrics.spans_lost(spans);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(endpoint, %error, "traces cannot be exported and are dropped: check `telemetry.otlp_endpoint` and what listens there");
                }
            }
        }
    }
}

impl fmt::Debug for ReportingExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedExporter")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Exports for ReportingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        self.report(&result, spans);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
