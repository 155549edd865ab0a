//! What is known of a record beside its payload: id, key and attributes.

use opentelemetry_proto::tonic::{logs::v1::LogRecord, metrics::v1::Metric, trace::v1::Span};

use crate::{
    event_id::is_id,
    request::{Group, kind_and_time, service},
};

/// What is known of a record. Attributes that are empty are not known.
pub(crate) struct Facts {
    pub(crate) id: String,
    pub(crate) key: Option<String>,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

/// What is known of it.
pub(crate) fn span_facts(span: &Span, group: &Group<'_>, id: String) -> Facts {
    let trace = hex::encode(&span.trace_id);
    Facts {
        id,
        key: is_id(&span.trace_id, 16).then(|| trace.clone()),
        attributes: vec![
            ("otel.service", text(service(group.resource))),
            ("otel.scope", scope_name(group)),
            ("otel.trace-id", trace),
            ("otel.span-id", hex::encode(&span.span_id)),
            ("otel.time-unix-nano", time(span.end_time_unix_nano)),
        ],
    }
}

/// What is known of it.
pub(crate) fn log_facts(log: &LogRecord, group: &Group<'_>, id: String) -> Facts {
    let service = service(group.resource);
    let at = match log.time_unix_nano {
        0 => log.observed_time_unix_nano,
        at => at,
    };
    Facts {
        id,
        key: service.map(str::to_owned),
        attributes: vec![
            ("otel.service", text(service)),
            ("otel.scope", scope_name(group)),
            ("otel.trace-id", hex::encode(&log.trace_id)),
            ("otel.span-id", hex::encode(&log.span_id)),
            ("otel.severity", severity(log)),
            ("otel.time-unix-nano", time(at)),
        ],
    }
}

/// What is known of it.
pub(crate) fn metric_facts(metric: &Metric, group: &Group<'_>, id: String) -> Facts {
    let service = service(group.resource);
    let (kind, at) = kind_and_time(metric);
    Facts {
        id,
        key: service.map(str::to_owned),
        attributes: vec![
            ("otel.service", text(service)),
            ("otel.scope", scope_name(group)),
            ("otel.metric", metric.name.clone()),
            ("otel.type", kind.to_owned()),
            ("otel.time-unix-nano", time(at)),
        ],
    }
}

/// The severity as its source calls it, else its number.
fn severity(log: &LogRecord) -> String {
    match (log.severity_text.as_str(), log.severity_number) {
        ("", 0) => String::new(),
        ("", number) => number.to_string(),
        (text, _) => text.to_owned(),
    }
}

fn scope_name(group: &Group<'_>) -> String {
    group.scope.map(|scope| scope.name.clone()).unwrap_or_default()
}

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// Empty if it is not known.
fn time(unix_nano: u64) -> String {
    if unix_nano == 0 {
        String::new()
    } else {
        unix_nano.to_string()
    }
}
