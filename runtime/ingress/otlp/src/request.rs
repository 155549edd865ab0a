//! A decoded request, and the records in it.

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{InstrumentationScope, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::{Metric, metric::Data},
    resource::v1::Resource,
    trace::v1::Span,
};

/// A request of one of the three services.
#[derive(Debug)]
pub(crate) enum Request {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
}

/// Records that have one resource and scope.
pub(crate) struct Group<'a> {
    /// Which of the request's resources it is.
    pub(crate) resource_index: usize,
    pub(crate) resource: Option<&'a Resource>,
    pub(crate) resource_schema_url: &'a String,
    pub(crate) scope: Option<&'a InstrumentationScope>,
    pub(crate) scope_schema_url: &'a String,
    pub(crate) records: Records<'a>,
}

/// Records of one kind.
pub(crate) enum Records<'a> {
    Spans(&'a [Span]),
    Metrics(&'a [Metric]),
    Logs(&'a [LogRecord]),
}

/// Lists the groups of a request, whose levels have other names for each signal.
macro_rules! groups {
    ($request:expr, $resources:ident, $scopes:ident, $records:ident as $kind:ident) => {
        $request
            .$resources
            .iter()
            .enumerate()
            .flat_map(|(resource_index, of)| {
                of.$scopes.iter().map(move |scope| Group {
                    resource_index,
                    resource: of.resource.as_ref(),
                    resource_schema_url: &of.schema_url,
                    scope: scope.scope.as_ref(),
                    scope_schema_url: &scope.schema_url,
                    records: Records::$kind(&scope.$records),
                })
            })
            .collect()
    };
}

impl Request {
    /// Its records, in their order.
    pub(crate) fn groups(&self) -> Vec<Group<'_>> {
        match self {
            Self::Traces(request) => groups!(request, resource_spans, scope_spans, spans as Spans),
            Self::Metrics(request) => groups!(request, resource_metrics, scope_metrics, metrics as Metrics),
            Self::Logs(request) => groups!(request, resource_logs, scope_logs, log_records as Logs),
        }
    }
}

impl Records<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Spans(spans) => spans.len(),
            Self::Metrics(metrics) => metrics.len(),
            Self::Logs(logs) => logs.len(),
        }
    }

    /// What a partial success counts: spans, data points or log records.
    pub(crate) fn items(&self) -> usize {
        match self {
            Self::Metrics(metrics) => metrics.iter().map(data_points).sum(),
            Self::Spans(_) | Self::Logs(_) => self.len(),
        }
    }
}

/// How many data points a metric has.
pub(crate) fn data_points(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(of)) => of.data_points.len(),
        Some(Data::Sum(of)) => of.data_points.len(),
        Some(Data::Histogram(of)) => of.data_points.len(),
        Some(Data::ExponentialHistogram(of)) => of.data_points.len(),
        Some(Data::Summary(of)) => of.data_points.len(),
    }
}

/// What a metric is, and the time of its newest data point.
pub(crate) fn kind_and_time(metric: &Metric) -> (&'static str, u64) {
    macro_rules! newest {
        ($of:expr) => {
            $of.data_points
                .iter()
                .map(|point| point.time_unix_nano)
                .max()
                .unwrap_or(0)
        };
    }
    match &metric.data {
        None => ("", 0),
        Some(Data::Gauge(of)) => ("gauge", newest!(of)),
        Some(Data::Sum(of)) => ("sum", newest!(of)),
        Some(Data::Histogram(of)) => ("histogram", newest!(of)),
        Some(Data::ExponentialHistogram(of)) => ("exponential-histogram", newest!(of)),
        Some(Data::Summary(of)) => ("summary", newest!(of)),
    }
}

/// `service.name` of a resource, if it is a text.
pub(crate) fn service(resource: Option<&Resource>) -> Option<&str> {
    let mut attributes = resource?.attributes.iter();
    let named = attributes.find(|attribute| attribute.key == "service.name")?;
    match named.value.as_ref()?.value.as_ref()? {
        Value::StringValue(name) if !name.is_empty() => Some(name),
        _ => None,
    }
}
