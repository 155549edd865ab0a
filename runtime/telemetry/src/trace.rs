//! Traces: one follows an event from its HTTP request through the source component, the broker and the sink component
//! to its write. The W3C `traceparent` is passed in a request's header and in a record's attribute.
//!
//! Without an endpoint nothing is recorded, and a sender's own `traceparent` still travels with its event. The exporter
//! has its own thread and drops spans when its queue is full.

mod exporter;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
        TracerProvider,
    },
};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};

use self::exporter::ReportingExporter;
use crate::Metrics;

/// Where traces go.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpOptions {
    /// URL of an OTLP/HTTP receiver, such as `http://127.0.0.1:4318`; `/v1/traces` is added unless it is there.
    pub endpoint: String,
    /// Share of traces started here that are kept, 0 to 1. A sender's decision takes precedence.
    pub sample_ratio: f64,
    /// Name of this service in the traces.
    pub service_name: String,
}

/// The exporter could not be made.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be exported to {endpoint}: {reason}")]
pub struct TraceError {
    endpoint: String,
    reason: String,
}

/// Records spans, if an endpoint is set. Cheap to clone.
#[derive(Clone, Default)]
pub struct Tracing(Option<Exporting>);

#[derive(Clone)]
struct Exporting {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Longest time for one export, and for the last one.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

impl Tracing {
    /// Exports to `options`, or records nothing. Spans that cannot be exported are logged, and counted in `metrics`.
    pub fn new(options: Option<&OtlpOptions>, metrics: &Arc<Metrics>) -> Result<Self, TraceError> {
        let Some(options) = options else { return Ok(Self(None)) };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(traces_url(&options.endpoint))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|e| TraceError {
                endpoint: options.endpoint.clone(),
                reason: e.to_string(),
            })?;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(options.sample_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(ReportingExporter::new(exporter, &options.endpoint, metrics.clone()))
            .with_sampler(sampler)
            .with_resource(
                Resource::builder()
                    .with_service_name(options.service_name.clone())
                    .build(),
            )
            .build();
        let tracer = provider.tracer("danube-wasm");
        Ok(Self(Some(Exporting { provider, tracer })))
    }

    /// Whether spans are recorded.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Starts the span of an event's arrival. `None` when nothing is recorded.
    pub fn start(
        &self,
        name: &'static str,
        parent: Option<&str>,
        attributes: Vec<(&'static str, String)>,
    ) -> Option<Span> {
        let Exporting { tracer, .. } = self.0.as_ref()?;
        let span = tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes.into_iter().map(|(k, v)| KeyValue::new(k, v)))
            .start_with_context(tracer, &context(parent));
        Some(Span(span))
    }

    /// Records a finished span as a child of `parent`, and returns the `traceparent` for the next step. `None` when
    /// nothing is recorded for this trace: pass `parent` on instead.
    pub fn record(
        &self,
        name: &'static str,
        parent: &str,
        (start, end): (SystemTime, SystemTime),
        error: Option<String>,
        attributes: Vec<(&'static str, String)>,
    ) -> Option<String> {
        let Exporting { tracer, .. } = self.0.as_ref()?;
        if !is_sampled(parent) {
            return None;
        }
        let context = Context::new().with_remote_span_context(parse(parent)?);
        let mut span = tracer
            .span_builder(name)
            .with_kind(kind(name))
            .with_start_time(start)
            .with_attributes(attributes.into_iter().map(|(k, v)| KeyValue::new(k, v)))
            .start_with_context(tracer, &context);
        if let Some(error) = error {
            span.set_status(Status::error(error));
        }
        let traceparent = format_traceparent(span.span_context());
        span.end_with_timestamp(end);
        Some(traceparent)
    }

    /// Exports the remaining spans. Blocks for up to 5 s: do not call it on an asynchronous thread.
    pub fn shutdown(&self) {
        if let Some(Exporting { provider, .. }) = &self.0
            && let Err(error) = provider.shutdown_with_timeout(EXPORT_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// An unfinished span.
pub struct Span(opentelemetry_sdk::trace::Span);

impl Span {
    /// The `traceparent` for the next step.
    pub fn traceparent(&self) -> String {
        format_traceparent(self.0.span_context())
    }

    /// Ends it.
    pub fn finish(mut self, error: Option<String>, attributes: Vec<(&'static str, String)>) {
        for (key, value) in attributes {
            self.0.set_attribute(KeyValue::new(key, value));
        }
        if let Some(error) = error {
            self.0.set_status(Status::error(error));
        }
        self.0.end();
    }
}

fn traces_url(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    let base = base.strip_suffix("/v1/traces").unwrap_or(base);
    format!("{base}/v1/traces")
}

/// OpenTelemetry's kind of a step.
fn kind(name: &str) -> SpanKind {
    match name {
        "broker.publish" => SpanKind::Producer,
        "broker.consume" => SpanKind::Consumer,
        "egress.write" => SpanKind::Client,
        _ => SpanKind::Internal,
    }
}

/// Without allocating: the last two digits are the flags.
fn is_sampled(traceparent: &str) -> bool {
    let flags = traceparent
        .get(53..55)
        .and_then(|flags| u8::from_str_radix(flags, 16).ok());
    flags.is_some_and(|flags| flags & 1 == 1)
}

fn context(parent: Option<&str>) -> Context {
    match parent.and_then(parse) {
        Some(parent) => Context::new().with_remote_span_context(parent),
        None => Context::new(),
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, lower case.
fn parse(text: &str) -> Option<SpanContext> {
    let lower_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let shaped = version == "00" && trace.len() == 32 && span.len() == 16 && flags.len() == 2 && parts.next().is_none();
    if !shaped || ![trace, span, flags].into_iter().all(lower_hex) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

fn format_traceparent(context: &SpanContext) -> String {
    format!(
        "00-{}-{}-{:02x}",
        context.trace_id(),
        context.span_id(),
        context.trace_flags().to_u8()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_survives_and_what_is_none_is_refused() {
        let parsed = parse(SAMPLED).expect("valid");
        assert_eq!(format_traceparent(&parsed), SAMPLED);
        assert!(is_sampled(SAMPLED));
        assert!(!is_sampled(&SAMPLED.replace("-01", "-00")));
        for text in [
            "",
            "00",
            &SAMPLED.to_uppercase(),
            &SAMPLED.replace("00-4b", "01-4b"),
            &format!("{SAMPLED}-x"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn without_an_endpoint_nothing_is_recorded() {
        let metrics = Metrics::new().expect("metrics");
        let tracing = Tracing::new(None, &metrics).expect("nothing to fail");
        let now = SystemTime::now();
        assert!(tracing.start("http.request", Some(SAMPLED), vec![]).is_none());
        assert_eq!(tracing.record("x", SAMPLED, (now, now), None, vec![]), None);
    }
}
