//! Bodies of exports: own ones, like the examples of the protocol.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;

pub(crate) const TRACES_JSON: &str = include_str!("fixtures/traces.json");
pub(crate) const LOGS_JSON: &str = include_str!("fixtures/logs.json");
pub(crate) const METRICS_JSON: &str = include_str!("fixtures/metrics.json");

/// Where each signal is sent over HTTP and gRPC, three records of it as protobuf, and an empty export.
pub(crate) fn all() -> [(&'static str, &'static str, Vec<u8>); 3] {
    [
        (
            "/v1/traces",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            traces(3),
        ),
        (
            "/v1/metrics",
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            metrics(3),
        ),
        ("/v1/logs", GRPC_LOGS, logs(3)),
    ]
}

pub(crate) const GRPC_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// A resource that is a service.
pub(crate) fn resource() -> Option<Resource> {
    Some(Resource {
        attributes: vec![KeyValue {
            key: "service.name".to_owned(),
            value: text("shop"),
            ..KeyValue::default()
        }],
        ..Resource::default()
    })
}

pub(crate) fn text(text: &str) -> Option<AnyValue> {
    Some(AnyValue {
        value: Some(Value::StringValue(text.to_owned())),
    })
}

pub(crate) fn traces(count: u64) -> Vec<u8> {
    let span = |n: u64| Span {
        trace_id: [7; 16].to_vec(),
        span_id: (n + 1).to_be_bytes().to_vec(),
        name: format!("span {n}"),
        ..Span::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans: vec![ScopeSpans {
                spans: (0..count).map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

pub(crate) fn logs_of(lines: impl Iterator<Item = String>) -> Vec<u8> {
    let record = |line: String| LogRecord {
        body: text(&line),
        time_unix_nano: 1_760_000_000_000_000_000,
        ..LogRecord::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(),
            scope_logs: vec![ScopeLogs {
                log_records: lines.map(record).collect(),
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    request.encode_to_vec()
}

pub(crate) fn logs(count: u64) -> Vec<u8> {
    logs_of((0..count).map(|n| format!("line {n}")))
}

/// Gauges of two points each.
pub(crate) fn metrics(count: u64) -> Vec<u8> {
    let point = |n| NumberDataPoint {
        value: Some(number_data_point::Value::AsInt(n)),
        ..NumberDataPoint::default()
    };
    let metric = |n: u64| Metric {
        name: format!("metric {n}"),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: vec![point(1), point(2)],
        })),
        ..Metric::default()
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics: vec![ScopeMetrics {
                metrics: (0..count).map(metric).collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    };
    request.encode_to_vec()
}
