//! Shows the current state of connectors in health and metrics.

use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::{
    Status,
    supervisor::{Condition, Direction},
};
use danube_wasm_telemetry::{Connector, ConnectorState, health::State};

use super::Services;

/// Updates health and metrics of a connector.
pub(super) fn update(services: &Services, id: &ConnectorId, condition: &Condition) {
    let status = &condition.status;
    let metrics = services.metrics.connector(id);
    metrics.set_health(*status == Status::Running);
    metrics.set_state(state(status));
    metrics.set_restarts(condition.restarts);
    let connector = Connector {
        direction: match condition.direction {
            Direction::Source => "source",
            Direction::Sink => "sink",
        },
        state: status.name(),
        reason: status.reason().map(str::to_owned),
        restarts: condition.restarts,
        ready: readiness(status),
        has_started: matches!(
            status,
            Status::Running | Status::Degraded(_) | Status::Down(_) | Status::Paused
        ),
    };
    services.health.set_connector(id.as_str(), connector);
    services.changes.send_modify(|changes| *changes += 1);
}

/// Removes a connector from health and metrics.
pub(super) fn remove(services: &Services, id: &ConnectorId) {
    services.health.remove_connector(id.as_str());
    services.components.forget(id);
    services.metrics.remove_connector(id);
}

fn state(status: &Status) -> ConnectorState {
    match status {
        Status::Pending => ConnectorState::Pending,
        Status::Starting(_) => ConnectorState::Starting,
        Status::Running => ConnectorState::Running,
        Status::Degraded(_) => ConnectorState::Degraded,
        Status::Down(_) => ConnectorState::Down,
        Status::Paused => ConnectorState::Paused,
        Status::Failed(_) | Status::Crashed(_) => ConnectorState::Failed,
        Status::Stopped => ConnectorState::Stopped,
    }
}

fn readiness(status: &Status) -> State {
    match status {
        Status::Running => State::Ready,
        Status::Paused => State::Paused,
        Status::Pending | Status::Starting(None) => State::Degraded("starting".to_owned()),
        Status::Degraded(why) => State::Degraded(why.clone()),
        Status::Starting(Some(why)) | Status::Down(why) | Status::Failed(why) | Status::Crashed(why) => {
            State::Down(why.clone())
        }
        Status::Stopped => State::Down("stopped".to_owned()),
    }
}
