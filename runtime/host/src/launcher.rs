//! Creates connectors: the only place that uses the sandbox, brokers, schemas, sources and sinks together.

mod backlog;
mod confirm;
mod guest_host;
mod locations;
mod observe;
mod outgoing;
mod prepare;
mod sink;
mod source;
mod start_error;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::BrokerError;
use danube_wasm_broker_spool::Spool;
use danube_wasm_connector::{Context, Notices, States};
use danube_wasm_model::{ConnectorId, TopicName};
use danube_wasm_pipeline::{
    Instruments,
    supervisor::{self, Condition, Direction, Launcher, Running},
};
use danube_wasm_sandbox::Sandbox;
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{Health, Metrics, Tracing};
use tokio::{sync::watch, task::JoinHandle};

pub use self::prepare::{LoadedComponent, load_components};
use self::{guest_host::ObservedHost, start_error::StartError};
pub(crate) use self::{
    locations::Locations,
    prepare::{Prepared, prepare, with_name},
};
use crate::{
    Failure, assemble::Spec, brokers::Brokers, components::Components, dead_letters::DeadLetters, pauses::Pauses,
    rates::Rates, shadow::Shadows, tap::Taps,
};

/// Creates connectors. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectorLauncher(Arc<Services>);

/// A task that is aborted when nobody waits for it any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The services that connectors are created with.
pub(crate) struct Services {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) dead_letters: Arc<DeadLetters>,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracing: Tracing,
    pub(crate) health: Health,
    pub(crate) locations: Locations,
    /// State that the connectors of a kind share.
    pub(crate) states: Arc<States>,
    pub(crate) pauses: Pauses,
    pub(crate) taps: Arc<Taps>,
    pub(crate) shadows: Arc<Shadows>,
    pub(crate) components: Components,
    pub(crate) rates: Rates,
    /// Counts changes of the connectors' states.
    pub(crate) changes: watch::Sender<u64>,
}

impl ConnectorLauncher {
    pub(crate) fn new(services: Services) -> Self {
        Self(Arc::new(services))
    }

    pub(crate) fn services(&self) -> &Services {
        &self.0
    }

    /// Runs `starting` on the threads of components, where a connector's loops run: see [`Sandbox::spawn`].
    async fn on_workers<F>(&self, starting: F) -> Result<F::Output, StartError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // Ends with its caller, so that a start that was given up subscribes to nothing.
        let mut starting = AbortOnDrop(self.0.sandbox.spawn(starting));
        (&mut starting.0).await.map_err(|error| {
            let why = format!("the host did not start it: {error}");
            StartError::Transient(why)
        })
    }

    /// Collects the connector's dead letters, before there can be any. `topic` is its first topic.
    async fn collect_dead_letters(
        &self,
        id: &ConnectorId,
        topic: Option<&TopicName>,
        spool: Option<&Arc<Spool>>,
    ) -> Result<(), BrokerError> {
        let Services {
            brokers,
            dead_letters,
            metrics,
            ..
        } = self.services();
        if let Some(topic) = topic {
            let reader = brokers.consumer_name(id);
            dead_letters.collect(id, topic, &reader, spool.is_some()).await?;
        }
        if let Some(spool) = spool {
            dead_letters.collect_refused(id, spool, metrics.connector(id)).await;
        }
        Ok(())
    }

    /// Returns the context that a connector is started with.
    fn context(&self, id: &ConnectorId) -> Context<States> {
        let (services, own) = (self.services(), id.clone());
        Context {
            id: id.clone(),
            consumer: services.brokers.consumer_name(id),
            shared: services.states.clone(),
            metrics: services.metrics.clone(),
            tracing: services.tracing.clone(),
            notices: Notices::new(move |sentence| tracing::warn!(connector = %own, "{sentence}")),
            may_create: true,
        }
    }

    fn instruments(&self, id: &ConnectorId) -> Instruments {
        Instruments::new(self.0.metrics.connector(id), self.0.tracing.clone())
    }
}

#[async_trait]
impl Launcher for ConnectorLauncher {
    type Spec = Spec;
    type Prepared = Prepared;
    type Error = Failure;

    fn direction(&self, spec: &Spec) -> Direction {
        match spec {
            Spec::Source(_) => Direction::Source,
            Spec::Sink(_) => Direction::Sink,
        }
    }

    fn claims(&self, spec: &Spec) -> Vec<String> {
        spec.claims()
    }

    async fn prepare(&self, id: &ConnectorId, spec: &Spec) -> Result<Prepared, Failure> {
        let host = Arc::new(ObservedHost::new(self.0.metrics.connector(id)));
        prepare::prepare(&self.0.sandbox, spec, host).await
    }

    async fn start(
        &self,
        id: &ConnectorId,
        prepared: &Prepared,
    ) -> Result<Arc<dyn Running>, supervisor::StartError<Failure>> {
        let started = match prepared {
            Prepared::Source { spec, guest, poller } => self.start_source(id, spec, guest, poller.clone()).await,
            Prepared::Sink { spec, guest } => self.start_sink(id, spec, guest).await,
        };
        started.map_err(supervisor::StartError::from)
    }

    fn changed(&self, id: &ConnectorId, condition: &Condition) {
        observe::update(&self.0, id, condition);
    }

    fn lost(&self, id: &ConnectorId, why: &str) {
        tracing::error!(connector = %id, why, "what looks after the connector has panicked: restart the process");
        let why = format!("nothing looks after connector {id} any more: {why}");
        self.0.health.set_dead("supervisor", why);
    }

    fn removed(&self, id: &ConnectorId) {
        observe::remove(&self.0, id);
        // The spool continues to give the broker what the connector has confirmed.
        self.0.brokers.unwanted(id);
    }
}
