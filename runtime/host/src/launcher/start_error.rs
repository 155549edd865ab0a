//! Errors of starting a connector.

use danube_wasm_broker::{BrokerError, ErrorKind};
use danube_wasm_pipeline::{PullStartError, supervisor};
use danube_wasm_schema::SchemaError;

use crate::Failure;

/// Why a connector did not start.
#[derive(Debug)]
pub(super) enum StartError {
    /// Passes by itself, such as an unavailable broker or a topic that does not exist yet.
    Transient(String),
    /// The user has to change something.
    Permanent(Failure),
}

impl From<StartError> for supervisor::StartError<Failure> {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Transient(why) => Self::Transient(why),
            StartError::Permanent(failure) => Self::Permanent(failure),
        }
    }
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        Self::Permanent(failure)
    }
}

impl From<BrokerError> for StartError {
    fn from(error: BrokerError) -> Self {
        if error.is_transient() || error.kind == ErrorKind::NotFound {
            Self::Transient(error.message)
        } else {
            let code = error.kind.code();
            Self::Permanent(Failure::configuration(error).coded(code))
        }
    }
}

impl From<PullStartError> for StartError {
    fn from(error: PullStartError) -> Self {
        match error {
            PullStartError::Broker(error) => error.into(),
            error @ PullStartError::NotDurable(_) => Self::Permanent(Failure::configuration(error)),
        }
    }
}

impl From<SchemaError> for StartError {
    fn from(error: SchemaError) -> Self {
        if error.is_transient() {
            Self::Transient(error.to_string())
        } else {
            Self::Permanent(Failure::configuration(error))
        }
    }
}

impl From<danube_wasm_connector::StartError> for StartError {
    fn from(error: danube_wasm_connector::StartError) -> Self {
        match error {
            danube_wasm_connector::StartError::Transient(why) => Self::Transient(why),
            danube_wasm_connector::StartError::Permanent(why) => Self::Permanent(Failure::configuration(why)),
        }
    }
}
