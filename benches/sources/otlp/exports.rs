//! The exports: spans of a shop, each with ids of its own.

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use prost::Message as _;

use crate::SPANS;

/// Spans of a trace.
const TRACE_SPANS: u64 = 8;
/// When the first begins.
const BEGINNING_NS: u64 = 1_760_000_000_000_000_000;

/// Exports without end, other ones in each round.
pub(crate) struct Exports {
    round: u64,
    /// Number of the next span.
    next: u64,
}

impl Exports {
    pub(crate) fn new(round: u64) -> Self {
        Self { round, next: 1 }
    }

    fn span(&mut self) -> Span {
        let number = self.next;
        self.next += 1;
        let begins = BEGINNING_NS + number * 1_000_000;
        Span {
            trace_id: id(self.round + 1, number / TRACE_SPANS),
            span_id: ((self.round << 48) | number).to_be_bytes().to_vec(),
            name: "GET /orders/{id}".to_owned(),
            kind: SpanKind::Server.into(),
            start_time_unix_nano: begins,
            end_time_unix_nano: begins + 2_500_000,
            attributes: vec![
                text("http.request.method", "GET"),
                text("http.route", "/orders/{id}"),
                text("url.path", &format!("/orders/{number}")),
                text("server.address", "shop.example"),
                text("user_agent.original", "bench/1.0"),
                attribute("http.response.status_code", Value::IntValue(200)),
            ],
            status: Some(Status {
                code: StatusCode::Ok.into(),
                ..Status::default()
            }),
            ..Span::default()
        }
    }
}

impl Iterator for Exports {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let spans = (0..SPANS).map(|_| self.span()).collect();
        let scope = InstrumentationScope {
            name: "shop.orders".to_owned(),
            ..InstrumentationScope::default()
        };
        let resource = Resource {
            attributes: vec![text("service.name", "shop"), text("host.name", "shop-1")],
            ..Resource::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(resource),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope),
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        Some(request.encode_to_vec().into())
    }
}

fn id(high: u64, low: u64) -> Vec<u8> {
    [high.to_be_bytes(), low.to_be_bytes()].concat()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
