//! The switches by which an operator pauses connectors. They outlive reloads and restarts of a connector, not the process.

use std::collections::HashMap;

use danube_wasm_model::ConnectorId;
use danube_wasm_pipeline::PauseSwitch;
use parking_lot::Mutex;

/// The switch of each connector.
#[derive(Default)]
pub(crate) struct Pauses(Mutex<HashMap<ConnectorId, PauseSwitch>>);

impl Pauses {
    /// Returns the switch of a connector.
    pub(crate) fn of(&self, id: &ConnectorId) -> PauseSwitch {
        self.0.lock().entry(id.clone()).or_default().clone()
    }

    /// Whether a connector is paused.
    pub(crate) fn is_paused(&self, id: &ConnectorId) -> bool {
        self.0.lock().get(id).is_some_and(PauseSwitch::is_paused)
    }

    /// The connector was removed: one of its name that is added later runs.
    pub(crate) fn forget(&self, id: &ConnectorId) {
        self.0.lock().remove(id);
    }
}
