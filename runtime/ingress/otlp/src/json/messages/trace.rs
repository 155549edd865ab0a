//! Traces.

use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};

use crate::json::kinds::{Enum, Hex, Int, List, Long, Msg, Optional, Text};

message! { ExportTraceServiceRequest {
    resource_spans: List<Msg> = "resourceSpans",
} }

message! { ExportTraceServiceResponse {
    partial_success: Optional<Msg> = "partialSuccess",
} }

message! { ExportTracePartialSuccess {
    rejected_spans: Long = "rejectedSpans",
    error_message: Text = "errorMessage",
} }

message! { ResourceSpans {
    resource: Optional<Msg> = "resource",
    scope_spans: List<Msg> = "scopeSpans",
    schema_url: Text = "schemaUrl",
} }

message! { ScopeSpans {
    scope: Optional<Msg> = "scope",
    spans: List<Msg> = "spans",
    schema_url: Text = "schemaUrl",
} }

message! { Span {
    trace_id: Hex = "traceId",
    span_id: Hex = "spanId",
    trace_state: Text = "traceState",
    parent_span_id: Hex = "parentSpanId",
    flags: Int = "flags",
    name: Text = "name",
    kind: Enum = "kind",
    start_time_unix_nano: Long = "startTimeUnixNano",
    end_time_unix_nano: Long = "endTimeUnixNano",
    attributes: List<Msg> = "attributes",
    dropped_attributes_count: Int = "droppedAttributesCount",
    events: List<Msg> = "events",
    dropped_events_count: Int = "droppedEventsCount",
    links: List<Msg> = "links",
    dropped_links_count: Int = "droppedLinksCount",
    status: Optional<Msg> = "status",
} }

message! { Event {
    time_unix_nano: Long = "timeUnixNano",
    name: Text = "name",
    attributes: List<Msg> = "attributes",
    dropped_attributes_count: Int = "droppedAttributesCount",
} }

message! { Link {
    trace_id: Hex = "traceId",
    span_id: Hex = "spanId",
    trace_state: Text = "traceState",
    attributes: List<Msg> = "attributes",
    dropped_attributes_count: Int = "droppedAttributesCount",
    flags: Int = "flags",
} }

message! { Status {
    message: Text = "message",
    code: Enum = "code",
} }
