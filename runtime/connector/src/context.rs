//! What a connector gets when it starts or is probed.

use std::{fmt, sync::Arc};

use danube_wasm_model::ConnectorId;
use danube_wasm_telemetry::{Metrics, Tracing};

use crate::States;

/// What a connector gets when it starts, besides its configuration.
pub struct Context<S> {
    /// Id of the connector.
    pub id: ConnectorId,
    /// Its name among the processes that share its subscriptions; the same after a restart.
    pub consumer: String,
    /// State that the connectors of its kind share in this host.
    pub shared: Arc<S>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Traces.
    pub tracing: Tracing,
    /// Notifies the operator during the start.
    pub notices: Notices,
    /// Whether to create what does not exist. An operator's query must not create a database.
    pub may_create: bool,
}

impl Context<States> {
    /// The same context with the shared state of one kind.
    pub(crate) fn of_kind<S: Default + Send + Sync + 'static>(self) -> Context<S> {
        Context {
            id: self.id,
            consumer: self.consumer,
            shared: self.shared.get(),
            metrics: self.metrics,
            tracing: self.tracing,
            notices: self.notices,
            may_create: self.may_create,
        }
    }
}

/// Notifies an operator who waits.
#[derive(Clone)]
pub struct Notices(Arc<dyn Fn(String) + Send + Sync>);

impl Notices {
    /// Calls `notify` for each message.
    pub fn new(notify: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(notify))
    }

    /// Notifies the operator.
    pub fn notify(&self, message: String) {
        (self.0)(message);
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notices")
    }
}

/// What a connector gets when it is probed.
#[derive(Debug, Clone)]
pub struct ProbeContext<S> {
    /// Id of the connector.
    pub id: ConnectorId,
    /// State that the connectors of its kind share in this host.
    pub shared: Arc<S>,
    /// Whether it runs the built-in component of its kind.
    pub is_builtin: bool,
    /// Whether its pipeline runs in another process, which then uses its ports.
    pub is_running: bool,
}

impl ProbeContext<States> {
    /// The same context with the shared state of one kind.
    pub(crate) fn of_kind<S: Default + Send + Sync + 'static>(self) -> ProbeContext<S> {
        ProbeContext {
            id: self.id,
            shared: self.shared.get(),
            is_builtin: self.is_builtin,
            is_running: self.is_running,
        }
    }
}
