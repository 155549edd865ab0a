//! Answers, in the form of their requests.

use danube_wasm_ingress_listener::{Answer, Refusal};
use http::request::Parts;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};

use crate::{
    decode::Format,
    json::Message,
    otlp_grpc, otlp_http,
    outcomes::{Partial, Verdict},
    problem::Problem,
    signal::Signal,
};

/// The form of a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Grpc,
    Http(Format),
}

impl Form {
    /// The form in which a request is answered, whatever is wrong with it.
    pub(crate) fn of_answer(head: &Parts) -> Self {
        if otlp_grpc::is_grpc(head) {
            return Self::Grpc;
        }
        Self::Http(otlp_http::format(head).unwrap_or(Format::Protobuf))
    }

    /// The answer to a refused request.
    pub(crate) fn refuse(self, refusal: &Refusal) -> Answer {
        self.refuse_because(refusal, &refusal.message())
    }

    /// The same, in a sentence of its own.
    pub(crate) fn refuse_because(self, refusal: &Refusal, why: &str) -> Answer {
        let mut answer = self.fail(&Problem::of(refusal).because(why));
        if self != Self::Grpc {
            refusal.add_headers(answer.headers_mut());
        }
        answer
    }

    fn fail(self, problem: &Problem) -> Answer {
        match self {
            Self::Grpc => otlp_grpc::failure(problem),
            Self::Http(format) => otlp_http::failure(format, problem),
        }
    }

    fn succeed(self, message: &(impl prost::Message + Message)) -> Answer {
        match self {
            Self::Grpc => otlp_grpc::success(message),
            Self::Http(format) => otlp_http::success(format, message),
        }
    }

    /// The answer to an export.
    pub(crate) fn answer(self, signal: Signal, verdict: Verdict) -> Answer {
        let partial = match verdict {
            Verdict::Accepted => None,
            Verdict::Partial(partial) => Some(partial),
            Verdict::Failed(problem) => return self.fail(&problem),
        };
        match signal {
            Signal::Traces => self.succeed(&ExportTraceServiceResponse {
                partial_success: partial.map(|Partial { rejected, message }| ExportTracePartialSuccess {
                    rejected_spans: rejected,
                    error_message: message,
                }),
            }),
            Signal::Metrics => self.succeed(&ExportMetricsServiceResponse {
                partial_success: partial.map(|Partial { rejected, message }| ExportMetricsPartialSuccess {
                    rejected_data_points: rejected,
                    error_message: message,
                }),
            }),
            Signal::Logs => self.succeed(&ExportLogsServiceResponse {
                partial_success: partial.map(|Partial { rejected, message }| ExportLogsPartialSuccess {
                    rejected_log_records: rejected,
                    error_message: message,
                }),
            }),
        }
    }
}
