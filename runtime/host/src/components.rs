//! The component that each connector runs now.

use std::{collections::HashMap, sync::Weak};

use danube_wasm_model::{
    ConnectorId,
    door::{SinkGuest as _, SourceGuest as _},
};
use danube_wasm_sandbox::{SinkComponent, SourceComponent};
use parking_lot::Mutex;

/// A component that a connector was started with. It does not keep the component in memory.
#[derive(Clone)]
pub(crate) enum RunningComponent {
    Source(Weak<SourceComponent>),
    Sink(Weak<SinkComponent>),
}

/// What is told of a running component.
pub(crate) struct Facts {
    /// SHA-256 of the component, in lower-case hex.
    pub(crate) sha256: String,
    /// Most bytes of memory that one of its instances had after a call.
    pub(crate) memory_bytes_peak: usize,
    /// Most bytes of memory that one may have.
    pub(crate) memory_bytes_max: usize,
}

impl RunningComponent {
    /// What is told of the component while it is in memory.
    pub(crate) fn facts(&self) -> Option<Facts> {
        match self {
            Self::Source(component) => {
                let component = component.upgrade()?;
                Some(Facts {
                    sha256: component.digest().to_owned(),
                    memory_bytes_peak: component.memory_peak(),
                    memory_bytes_max: component.memory_bytes_max(),
                })
            }
            Self::Sink(component) => {
                let component = component.upgrade()?;
                Some(Facts {
                    sha256: component.digest().to_owned(),
                    memory_bytes_peak: component.memory_peak(),
                    memory_bytes_max: component.memory_bytes_max(),
                })
            }
        }
    }
}

/// The running components.
#[derive(Default)]
pub(crate) struct Components(Mutex<HashMap<ConnectorId, RunningComponent>>);

impl Components {
    /// The connector has been started with this one.
    pub(crate) fn set(&self, id: &ConnectorId, component: RunningComponent) {
        self.0.lock().insert(id.clone(), component);
    }

    /// See [`RunningComponent::facts`].
    pub(crate) fn facts(&self, id: &ConnectorId) -> Option<Facts> {
        let component = self.0.lock().get(id).cloned();
        component?.facts()
    }

    /// The connector was removed.
    pub(crate) fn forget(&self, id: &ConnectorId) {
        self.0.lock().remove(id);
    }
}
