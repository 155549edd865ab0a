//! Why a connector does not start: what will pass is waited for, what will not is said.

use danube_wasm_broker::{BrokerError, ErrorKind};
use danube_wasm_pipeline::supervisor::StartError;
use danube_wasm_schema::SchemaError;

use crate::exit::Failure;

/// Why a connector did not start.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Will pass, or so one hopes: the broker is away, the topic is not made yet.
    Passing(String),
    /// Needs the user.
    Lasting(Failure),
}

impl From<Obstacle> for StartError<Failure> {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Passing(why) => Self::Transient(why),
            Obstacle::Lasting(failure) => Self::Permanent(failure),
        }
    }
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        Self::Lasting(failure)
    }
}

impl From<BrokerError> for Obstacle {
    fn from(error: BrokerError) -> Self {
        if error.is_transient() || error.kind == ErrorKind::NotFound {
            Self::Passing(error.message)
        } else {
            Self::Lasting(Failure::configuration(error))
        }
    }
}

impl From<SchemaError> for Obstacle {
    fn from(error: SchemaError) -> Self {
        if error.is_transient() {
            Self::Passing(error.to_string())
        } else {
            Self::Lasting(Failure::configuration(error))
        }
    }
}
