//! Makes connectors out of the rooms: the one place where sandbox, broker, schema, ingress and egress meet.

mod confirm;
mod guest_host;
mod http_observer;
mod insist;
mod late;
mod listeners;
mod prepare;
mod sink;
mod skipped;
mod source;

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::BrokerError;
use danube_wasm_model::{ConnectorId, TopicName};
use danube_wasm_pipeline::{
    Probe, Status,
    supervisor::{Direction, Launcher, Running},
};
use danube_wasm_sandbox::Sandbox;
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{ConnectorMetrics, ConnectorState, Health, HealthHandle, Metrics, Tracing, health::State};
use tokio::sync::watch;

use self::{
    guest_host::ObservedHost,
    insist::{Obstacle, insist},
};
pub(crate) use self::{
    listeners::Listeners,
    prepare::{Admitted, Prepared, admit},
};
use crate::{assemble::Spec, brokers::Brokers, exit::Failure, letters::Letters};

/// What connectors are made with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Workshop(Arc<Tools>);

/// A try to start a connector.
type Starting = Pin<Box<dyn Future<Output = Result<Arc<dyn Running>, Obstacle>> + Send>>;

/// The rooms.
pub(crate) struct Tools {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) letters: Arc<Letters>,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracing: Tracing,
    pub(crate) health: Health,
    pub(crate) listeners: Listeners,
}

impl Workshop {
    pub(crate) fn new(tools: Tools) -> Self {
        Self(Arc::new(tools))
    }

    pub(crate) fn tools(&self) -> &Tools {
        &self.0
    }

    /// Starts a connector, as often as it is called.
    fn starting(&self, id: &ConnectorId, prepared: Prepared) -> impl Fn() -> Starting + Send + Sync + use<> {
        let (workshop, id, prepared) = (self.clone(), id.clone(), Arc::new(prepared));
        move || {
            let (workshop, id, prepared) = (workshop.clone(), id.clone(), prepared.clone());
            let starting = async move {
                match &*prepared {
                    Prepared::Source { spec, guest } => workshop.start_source(&id, spec, guest).await,
                    Prepared::Sink { spec, guest } => workshop.start_sink(&id, spec, guest).await,
                }
            };
            Box::pin(starting) as Starting
        }
    }

    /// A connector's loops run where its component does: see [`Sandbox::spawn`].
    async fn on_workers<F>(&self, starting: F) -> Result<F::Output, Failure>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.sandbox.spawn(starting).await.map_err(Failure::internal)
    }

    /// Keeps the connector's dead letters from before the first one. `topic` is its first one.
    async fn keep_letters(
        &self,
        id: &ConnectorId,
        topic: Option<&TopicName>,
        is_buffered: bool,
    ) -> Result<(), BrokerError> {
        let Some(topic) = topic.map(|topic| topic.dead_letters_of(id.connector())) else {
            return Ok(());
        };
        let reader = self.0.brokers.consumer_name(id);
        self.0.letters.keep(&topic, &reader, is_buffered).await
    }

    fn probe(&self, id: &ConnectorId) -> Probe {
        Probe::new(self.0.metrics.connector(id), self.0.tracing.clone())
    }

    /// Follows a connector's status into health and metrics, for as long as it runs.
    fn watch(&self, id: &ConnectorId, mut status: watch::Receiver<Status>) {
        let part = self.0.health.part(id.as_str());
        let metrics = self.0.metrics.connector(id);
        tokio::spawn(async move {
            loop {
                let ended = show(&status.borrow_and_update(), &part, &metrics);
                if ended || status.changed().await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Whether the connector has been stopped: then its part goes with the task.
fn show(status: &Status, part: &HealthHandle, metrics: &ConnectorMetrics) -> bool {
    metrics.set_health(*status == Status::Running);
    metrics.set_state(match status {
        Status::Running => ConnectorState::Running,
        Status::Degraded(_) => ConnectorState::Degraded,
        Status::Down(_) => ConnectorState::Down,
        Status::Failed(_) => ConnectorState::Failed,
        Status::Stopped => ConnectorState::Stopped,
    });
    match status {
        Status::Running => part.set(State::Ready),
        Status::Degraded(reason) => part.set(State::Degraded(reason.clone())),
        Status::Down(reason) | Status::Failed(reason) => part.set(State::Down(reason.clone())),
        Status::Stopped => return true,
    }
    false
}

#[async_trait]
impl Launcher for Workshop {
    type Spec = Spec;
    type Prepared = Prepared;
    type Error = Failure;

    fn direction(&self, spec: &Spec) -> Direction {
        match spec {
            Spec::Source(_) => Direction::Source,
            Spec::Sink(_) => Direction::Sink,
        }
    }

    async fn prepare(&self, id: &ConnectorId, spec: &Spec) -> Result<Prepared, Failure> {
        let host = Arc::new(ObservedHost::new(self.0.metrics.connector(id)));
        prepare::prepare(&self.0.sandbox, spec, host).await
    }

    async fn start(&self, id: &ConnectorId, prepared: Prepared) -> Result<Arc<dyn Running>, Failure> {
        let start = self.starting(id, prepared);
        // Whoever serves while the broker is away does not wait for those who cannot.
        match self.0.brokers.serves_alone() {
            true => late::start(self, id, start).await,
            false => insist(id, &self.0.health, start).await,
        }
    }

    fn gone(&self, id: &ConnectorId) {
        self.0.metrics.forget(id);
    }
}
