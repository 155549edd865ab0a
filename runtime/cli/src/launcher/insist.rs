//! Starting against a broker that may not be there yet: what will pass is waited for, what will not is said.

use std::time::Duration;

use danube_wasm_broker::{BrokerError, ErrorKind};
use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::BackoffPolicy;
use danube_wasm_schema::SchemaError;
use danube_wasm_telemetry::{Health, health::State};

use crate::exit::Failure;

/// Why a connector did not start.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Will pass, or so one hopes: the broker is away, the topic is not made yet.
    Passing(String),
    /// Needs the user.
    Lasting(Failure),
}

/// Longest wait between tries.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(5);

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

pub(super) fn named(id: &ConnectorId, failure: Failure) -> Failure {
    Failure {
        message: format!("connector {id}: {}", failure.message),
        ..failure
    }
}

/// Tries until it works or cannot. Meanwhile the connector's health says why it has not started.
pub(super) async fn insist<T, F: Future<Output = Result<T, Obstacle>>>(
    id: &ConnectorId,
    health: &Health,
    start: impl Fn() -> F,
) -> Result<T, Failure> {
    let mut part = None;
    let mut backoff = BackoffPolicy::default().up_to(WAIT_MAX).start();
    loop {
        match start().await {
            Ok(started) => return Ok(started),
            Err(Obstacle::Lasting(failure)) => return Err(named(id, failure)),
            Err(Obstacle::Passing(why)) => {
                let wait = backoff.next(None);
                tracing::warn!(connector = %id, %why, tries = backoff.tries(), wait_ms = wait.as_millis(), "not started yet; trying again");
                // A part of its own: until this one has started, its predecessor counts.
                part.get_or_insert_with(|| health.part(format!("{id} (starting)")))
                    .set(State::Down(why));
                tokio::time::sleep(wait).await;
            }
        }
    }
}
