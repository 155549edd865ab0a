//! Logs.

use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};

use crate::json::kinds::{Enum, Hex, Int, List, Long, Msg, Optional, Text};

message! { ExportLogsServiceRequest {
    resource_logs: List<Msg> = "resourceLogs",
} }

message! { ExportLogsServiceResponse {
    partial_success: Optional<Msg> = "partialSuccess",
} }

message! { ExportLogsPartialSuccess {
    rejected_log_records: Long = "rejectedLogRecords",
    error_message: Text = "errorMessage",
} }

message! { ResourceLogs {
    resource: Optional<Msg> = "resource",
    scope_logs: List<Msg> = "scopeLogs",
    schema_url: Text = "schemaUrl",
} }

message! { ScopeLogs {
    scope: Optional<Msg> = "scope",
    log_records: List<Msg> = "logRecords",
    schema_url: Text = "schemaUrl",
} }

message! { LogRecord {
    time_unix_nano: Long = "timeUnixNano",
    observed_time_unix_nano: Long = "observedTimeUnixNano",
    severity_number: Enum = "severityNumber",
    severity_text: Text = "severityText",
    body: Optional<Msg> = "body",
    attributes: List<Msg> = "attributes",
    dropped_attributes_count: Int = "droppedAttributesCount",
    flags: Int = "flags",
    trace_id: Hex = "traceId",
    span_id: Hex = "spanId",
    event_name: Text = "eventName",
} }
