//! Metrics.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
        exponential_histogram_data_point::Buckets, metric, number_data_point, summary_data_point::ValueAtQuantile,
    },
};

use crate::json::kinds::{Bool, Double, Enum, Hex, Int, List, Long, Msg, Optional, Text};

message! { ExportMetricsServiceRequest {
    resource_metrics: List<Msg> = "resourceMetrics",
} }

message! { ExportMetricsServiceResponse {
    partial_success: Optional<Msg> = "partialSuccess",
} }

message! { ExportMetricsPartialSuccess {
    rejected_data_points: Long = "rejectedDataPoints",
    error_message: Text = "errorMessage",
} }

message! { ResourceMetrics {
    resource: Optional<Msg> = "resource",
    scope_metrics: List<Msg> = "scopeMetrics",
    schema_url: Text = "schemaUrl",
} }

message! { ScopeMetrics {
    scope: Optional<Msg> = "scope",
    metrics: List<Msg> = "metrics",
    schema_url: Text = "schemaUrl",
} }

message! { Metric {
    name: Text = "name",
    description: Text = "description",
    unit: Text = "unit",
    metadata: List<Msg> = "metadata",
} oneof data: metric::Data {
    Gauge: Msg = "gauge",
    Sum: Msg = "sum",
    Histogram: Msg = "histogram",
    ExponentialHistogram: Msg = "exponentialHistogram",
    Summary: Msg = "summary",
} }

message! { Gauge {
    data_points: List<Msg> = "dataPoints",
} }

message! { Sum {
    data_points: List<Msg> = "dataPoints",
    aggregation_temporality: Enum = "aggregationTemporality",
    is_monotonic: Bool = "isMonotonic",
} }

message! { Histogram {
    data_points: List<Msg> = "dataPoints",
    aggregation_temporality: Enum = "aggregationTemporality",
} }

message! { ExponentialHistogram {
    data_points: List<Msg> = "dataPoints",
    aggregation_temporality: Enum = "aggregationTemporality",
} }

message! { Summary {
    data_points: List<Msg> = "dataPoints",
} }

message! { NumberDataPoint {
    attributes: List<Msg> = "attributes",
    start_time_unix_nano: Long = "startTimeUnixNano",
    time_unix_nano: Long = "timeUnixNano",
    exemplars: List<Msg> = "exemplars",
    flags: Int = "flags",
} oneof value: number_data_point::Value {
    AsDouble: Double = "asDouble",
    AsInt: Long = "asInt",
} }

message! { HistogramDataPoint {
    attributes: List<Msg> = "attributes",
    start_time_unix_nano: Long = "startTimeUnixNano",
    time_unix_nano: Long = "timeUnixNano",
    count: Long = "count",
    sum: Optional<Double> = "sum",
    bucket_counts: List<Long> = "bucketCounts",
    explicit_bounds: List<Double> = "explicitBounds",
    exemplars: List<Msg> = "exemplars",
    flags: Int = "flags",
    min: Optional<Double> = "min",
    max: Optional<Double> = "max",
} }

message! { ExponentialHistogramDataPoint {
    attributes: List<Msg> = "attributes",
    start_time_unix_nano: Long = "startTimeUnixNano",
    time_unix_nano: Long = "timeUnixNano",
    count: Long = "count",
    sum: Optional<Double> = "sum",
    scale: Int = "scale",
    zero_count: Long = "zeroCount",
    positive: Optional<Msg> = "positive",
    negative: Optional<Msg> = "negative",
    flags: Int = "flags",
    exemplars: List<Msg> = "exemplars",
    min: Optional<Double> = "min",
    max: Optional<Double> = "max",
    zero_threshold: Double = "zeroThreshold",
} }

message! { Buckets {
    offset: Int = "offset",
    bucket_counts: List<Long> = "bucketCounts",
} }

message! { SummaryDataPoint {
    attributes: List<Msg> = "attributes",
    start_time_unix_nano: Long = "startTimeUnixNano",
    time_unix_nano: Long = "timeUnixNano",
    count: Long = "count",
    sum: Double = "sum",
    quantile_values: List<Msg> = "quantileValues",
    flags: Int = "flags",
} }

message! { ValueAtQuantile {
    quantile: Double = "quantile",
    value: Double = "value",
} }

message! { Exemplar {
    filtered_attributes: List<Msg> = "filteredAttributes",
    time_unix_nano: Long = "timeUnixNano",
    span_id: Hex = "spanId",
    trace_id: Hex = "traceId",
} oneof value: exemplar::Value {
    AsDouble: Double = "asDouble",
    AsInt: Long = "asInt",
} }
