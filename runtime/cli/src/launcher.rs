//! Makes connectors out of the rooms: the one place where sandbox, broker, schema, ingress and egress meet.

mod guest_host;
mod http_observer;
mod listeners;
mod prepare;

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_broker::{Broker, ErrorKind, TopicSpec};
use danube_wasm_config::SurrealUrl;
use danube_wasm_egress_surrealdb::{Connections, SurrealEgress};
use danube_wasm_model::{
    ConnectorId, TopicName,
    door::{Egress, Intake, SinkGuest, SourceGuest},
};
use danube_wasm_pipeline::{
    Patience, Probe, Sink, SinkParts, Source, SourceParts, Status,
    supervisor::{Direction, Launcher, Running},
};
use danube_wasm_sandbox::{Sandbox, SinkComponent, SourceComponent};
use danube_wasm_schema::Schemas;
use danube_wasm_telemetry::{ConnectorMetrics, Health, HealthHandle, Metrics, Tracing, health::State};
use tokio::{sync::watch, time::Instant};

use self::{guest_host::ObservedHost, prepare::GRANTS};
pub(crate) use self::{
    listeners::Listeners,
    prepare::{Prepared, admit},
};
use crate::{
    assemble::{SinkSpec, SourceSpec, Spec},
    exit::Failure,
    settings,
};

/// What connectors are made with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Workshop(Arc<Tools>);

/// The rooms.
pub(crate) struct Tools {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) broker: Arc<dyn Broker>,
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

    /// A connector's loops run where its component does: see [`Sandbox::spawn`].
    async fn on_workers<F>(&self, starting: F) -> Result<F::Output, Failure>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.sandbox.spawn(starting).await.map_err(Failure::internal)
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
        match prepared {
            Prepared::Source { spec, guest } => self.start_source(id, spec, guest).await,
            Prepared::Sink { spec, guest } => self.start_sink(id, &spec, guest).await,
        }
    }

    fn gone(&self, id: &ConnectorId) {
        self.0.metrics.forget(id);
    }
}

impl Workshop {
    async fn start_source(
        &self,
        id: &ConnectorId,
        spec: SourceSpec,
        guest: Arc<SourceComponent>,
    ) -> Result<Arc<dyn Running>, Failure> {
        let mut validators = HashMap::new();
        for schema in &spec.schemas {
            let validator = self
                .0
                .schemas
                .declare(settings::declaration(schema)?)
                .await
                .map_err(Failure::configuration)?;
            validators.insert(schema.topic.clone(), validator);
        }
        let (digest, interests) = (guest.digest().to_owned(), guest.interests());
        let parts = SourceParts {
            guest,
            broker: self.0.broker.clone(),
            validators,
            limits: settings::source_limits(&spec.config),
            on_invalid: settings::on_invalid(&spec.config),
            patience: Patience::default(),
            probe: self.probe(id),
        };
        let source = self
            .on_workers(Source::start(parts))
            .await?
            .map_err(|e| Failure::configuration(format!("connector {id}: {e}")))?;
        let endpoints = settings::endpoints(&spec.config, &(source.clone() as Arc<dyn Intake>), interests)?;
        let routes = self.0.listeners.serve(id, &spec.config.webhook, endpoints).await?;
        for endpoint in &spec.config.webhook.endpoints {
            tracing::info!(connector = %id, address = %routes.address(), path = endpoint.path.as_str(), topic = %endpoint.topic, "listening for webhooks");
        }
        tracing::info!(connector = %id, component = %spec.config.component, digest, grants = GRANTS, "source started");
        self.watch(id, source.status());
        Ok(Arc::new(RunningSource { source, routes }))
    }

    async fn start_sink(
        &self,
        id: &ConnectorId,
        spec: &SinkSpec,
        guest: Arc<SinkComponent>,
    ) -> Result<Arc<dyn Running>, Failure> {
        let mappings = &spec.config.surrealdb.topic_mappings;
        let batches = guest
            .consumer_configs()
            .iter()
            .map(|consumer| {
                let of_topic = mappings
                    .iter()
                    .find(|m| m.topic == consumer.topic && m.subscription == consumer.subscription);
                of_topic
                    .or(mappings.iter().find(|m| m.topic == consumer.topic))
                    .map(settings::batch_policy)
                    .unwrap_or_default()
            })
            .collect();
        for consumer in guest.consumer_configs() {
            let fed = spec.topics.iter().find(|(topic, _)| *topic == consumer.topic);
            let topic_spec = fed.map_or(
                TopicSpec {
                    partitions: 0,
                    reliable_dispatch: true,
                    ..TopicSpec::default()
                },
                |(_, spec)| spec.clone(),
            );
            self.ensure_topic(&consumer.topic, topic_spec).await?;
        }
        let egress = Connections::shared().egress(settings::surreal_options(&spec.config)?);
        // An embedded database is opened now, so that what is wrong with it is said now. A server may come later.
        if !matches!(spec.config.surrealdb.url, SurrealUrl::Remote(_)) {
            egress
                .ready()
                .await
                .map_err(|e| Failure::configuration(format!("connector {id}: {e}")))?;
        }
        let digest = guest.digest().to_owned();
        let parts = SinkParts {
            guest,
            broker: self.0.broker.clone(),
            schemas: self.0.schemas.clone(),
            egress: egress.clone(),
            batches,
            patience: Patience::default(),
            probe: self.probe(id),
        };
        let sink = self
            .on_workers(Sink::start(parts))
            .await?
            .map_err(|e| Failure::configuration(format!("connector {id}: {e}")))?;
        tracing::info!(connector = %id, component = %spec.config.component, digest, grants = GRANTS, target = %spec.config.surrealdb.url, "sink started");
        self.watch(id, sink.status());
        Ok(Arc::new(RunningSink { sink, egress }))
    }

    /// A sink's topic is there before the sink subscribes, with the partitions that a source of this pipeline gives it.
    async fn ensure_topic(&self, topic: &TopicName, spec: TopicSpec) -> Result<(), Failure> {
        match self.0.broker.create_topic(topic, spec).await {
            Ok(()) => Ok(()),
            // It is there with other partitions: another pipeline's. All of them are consumed.
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(Failure::internal(error)),
        }
    }
}

struct RunningSource {
    source: Arc<Source>,
    routes: listeners::Routes,
}

#[async_trait]
impl Running for RunningSource {
    fn status(&self) -> watch::Receiver<Status> {
        self.source.status()
    }

    async fn drain(&self, deadline: Instant) {
        self.routes.retire(deadline).await;
        self.source.drain(deadline).await;
    }
}

struct RunningSink {
    sink: Arc<Sink>,
    egress: Arc<SurrealEgress>,
}

#[async_trait]
impl Running for RunningSink {
    fn status(&self) -> watch::Receiver<Status> {
        self.sink.status()
    }

    async fn drain(&self, deadline: Instant) {
        self.sink.drain(deadline).await;
        if let Err(error) = self.egress.close().await {
            tracing::warn!(connector = %self.sink.id(), %error, "the database was not closed cleanly");
        }
    }
}
