//! Starts a source: schemas, topics, component, then its endpoints.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_config::Component;
use danube_wasm_connector::{Feed, Flow, Ingress, Pipeline};
use danube_wasm_model::{
    ConnectorId,
    door::{Intake, SourceGuest as _},
    poller::PollerGuest,
};
use danube_wasm_pipeline::{PullSource, Source, SourceParts, Status, supervisor::Running};
use danube_wasm_sandbox::{Secrets, SourceComponent};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{ConnectorLauncher, start_error::StartError};
use crate::{assemble::SourceSpec, components::RunningComponent, settings, tap::TappedSource};

impl ConnectorLauncher {
    pub(super) async fn start_source(
        &self,
        id: &ConnectorId,
        spec: &SourceSpec,
        guest: &Arc<SourceComponent>,
        poller: Option<Arc<dyn PollerGuest>>,
    ) -> Result<Arc<dyn Running>, StartError> {
        let services = self.services();
        let view = services.brokers.of_source(&spec.config, &services.schemas).await?;
        let (mut validators, mut recalled) = (HashMap::new(), Vec::new());
        for schema in &spec.schemas {
            let declared = view.schemas.declare_or_recall(settings::declaration(schema)?).await?;
            validators.insert(schema.topic.clone(), declared.validator);
            recalled.extend(declared.recalled);
        }
        let topic = guest.producer_configs().first().map(|producer| &producer.topic);
        self.collect_dead_letters(id, topic, view.spool.as_ref()).await?;
        let parts = SourceParts {
            guest: Arc::new(self.tapped_source(spec, guest)),
            broker: view.broker,
            ordered: settings::ordered(&spec.config),
            validators,
            limits: settings::source_limits(&spec.config),
            on_invalid: settings::on_invalid(&spec.config),
            on_failure: settings::on_failure(&spec.config),
            retry_policy: settings::retry_policy(spec.config.max_dead_letters),
            clock: services.brokers.clock().clone(),
            instruments: self.instruments(id),
        };
        let pause = services.pauses.of(id);
        let source = match spec.config.connector.flow() {
            Flow::Push => StartedSource::Push(self.on_workers(Source::start_with(parts, pause)).await??),
            Flow::Pull { independent_keys } => {
                let parts = settings::pull_parts(&spec.config, parts, independent_keys);
                StartedSource::Pull(self.on_workers(PullSource::start_with(parts, pause)).await??)
            }
        };
        if let StartedSource::Push(source) = &source {
            let intake: Arc<dyn Intake> = source.clone();
            services.dead_letters.register_source(id, Arc::downgrade(&intake)).await;
        }
        let pipeline = Pipeline {
            feed: source.feed(),
            interests: guest.interests(),
            notebook: services.brokers.notebooks().of(id),
            poller,
        };
        // Last, so that a start that is given up before this leaves nothing behind.
        let ingress = spec.config.connector.start(self.context(id), pipeline).await?;
        let ingress: Arc<dyn Ingress> = ingress.into();
        services.locations.insert(id, &ingress);
        let running = RunningComponent::Source(Arc::downgrade(guest));
        services.components.set(id, running);
        tracing::info!(connector = %id, component = %spec.config.component, digest = guest.digest(), "source started");
        Ok(Arc::new(RunningSource {
            source,
            ingress,
            _confirming: self.confirm(id, view.schemas, recalled),
        }))
    }
}

impl ConnectorLauncher {
    /// The component, with a place where an operator can watch.
    fn tapped_source(&self, spec: &SourceSpec, guest: &Arc<SourceComponent>) -> TappedSource {
        let config = &spec.config;
        let secrets = Secrets::from_settings(&config.settings_json(), Some(&config.settings_kept()));
        TappedSource {
            guest: guest.clone(),
            is_builtin: matches!(config.component, Component::Builtin(_)),
            taps: self.services().taps.clone(),
            shadows: self.services().shadows.clone(),
            secrets: Arc::new(secrets),
        }
    }
}

/// A source that accepts events, or one that reads them.
enum StartedSource {
    Push(Arc<Source>),
    Pull(Arc<PullSource>),
}

impl StartedSource {
    fn feed(&self) -> Feed {
        match self {
            Self::Push(source) => Feed::Push(source.clone()),
            Self::Pull(source) => Feed::Pull(source.driver()),
        }
    }

    fn status(&self) -> watch::Receiver<Status> {
        match self {
            Self::Push(source) => source.status(),
            Self::Pull(source) => source.status(),
        }
    }

    /// Drains in the order that each kind needs: pushed events are accepted until the listener closes; pulled ones are
    /// confirmed while the connection is open.
    async fn drain(&self, ingress: &dyn Ingress, deadline: Instant) {
        match self {
            Self::Push(source) => {
                ingress.close(deadline).await;
                source.drain(deadline).await;
            }
            Self::Pull(source) => {
                source.drain(deadline).await;
                ingress.close(deadline).await;
            }
        }
    }
}

struct RunningSource {
    source: StartedSource,
    ingress: Arc<dyn Ingress>,
    _confirming: JoinSet<()>,
}

#[async_trait]
impl Running for RunningSource {
    fn status(&self) -> watch::Receiver<Status> {
        self.source.status()
    }

    async fn drain(&self, deadline: Instant) {
        self.source.drain(&*self.ingress, deadline).await;
    }
}
