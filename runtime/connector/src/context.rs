//! What a connector is started with.

use std::{fmt, sync::Arc};

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::{Metrics, Tracing};

use crate::States;

/// What a connector is started with, besides its configuration.
pub struct Context<S> {
    /// Who it is.
    pub id: ConnectorId,
    /// What the connectors of its kind share in this host.
    pub shared: Arc<S>,
    /// Numbers.
    pub metrics: Arc<Metrics>,
    /// Traces.
    pub tracing: Tracing,
    /// Where sentences for the operator go while it starts.
    pub notices: Notices,
    /// Whether what is not there yet may be made. An operator's question makes no database.
    pub may_create: bool,
}

impl Context<States> {
    /// The same, with what the connectors of one kind share.
    pub(crate) fn of_kind<S: Default + Send + Sync + 'static>(self) -> Context<S> {
        Context {
            id: self.id,
            shared: self.shared.get(),
            metrics: self.metrics,
            tracing: self.tracing,
            notices: self.notices,
            may_create: self.may_create,
        }
    }
}

/// Takes sentences for an operator who waits.
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(String) + Send + Sync>);

impl Notices {
    /// Gives each sentence to `tell`.
    pub fn new(tell: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells it.
    pub fn tell(&self, sentence: String) {
        (self.0)(sentence);
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}

/// Whom and when a connector is probed for.
#[derive(Debug, Clone)]
pub struct ProbeContext<S> {
    /// Who it is.
    pub id: ConnectorId,
    /// What the connectors of its kind share in this host.
    pub shared: Arc<S>,
    /// Whether it runs the built-in component of its kind.
    pub is_builtin: bool,
    /// Whether its pipeline runs in another process, which has its ports.
    pub is_running: bool,
}

impl ProbeContext<States> {
    /// The same, with what the connectors of one kind share.
    pub(crate) fn of_kind<S: Default + Send + Sync + 'static>(self) -> ProbeContext<S> {
        ProbeContext {
            id: self.id,
            shared: self.shared.get(),
            is_builtin: self.is_builtin,
            is_running: self.is_running,
        }
    }
}
