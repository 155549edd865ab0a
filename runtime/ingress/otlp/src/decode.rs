//! From the bytes of a request to its messages.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest,
};

use crate::{json, request::Request, signal::Signal};

/// How messages are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

impl Format {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Decodes a request. An error says what is wrong, and where.
pub(crate) fn decode(signal: Signal, format: Format, body: &[u8]) -> Result<Request, String> {
    Ok(match signal {
        Signal::Traces => Request::Traces(message::<ExportTraceServiceRequest>(format, body)?),
        Signal::Metrics => Request::Metrics(message::<ExportMetricsServiceRequest>(format, body)?),
        Signal::Logs => Request::Logs(message::<ExportLogsServiceRequest>(format, body)?),
    })
}

fn message<M: prost::Message + json::Message>(format: Format, body: &[u8]) -> Result<M, String> {
    match format {
        Format::Protobuf => {
            M::decode(body).map_err(|error| format!("the body is not the protobuf of an export: {error}"))
        }
        Format::Json => json::read(body).map_err(|error| format!("the body is not OTLP/JSON: {error}")),
    }
}
