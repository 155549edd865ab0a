//! Starts a source: schemas, topics, component, then its endpoints.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId,
    door::{Intake, SourceGuest as _},
};
use danube_wasm_pipeline::{Source, SourceParts, Status, supervisor::Running};
use danube_wasm_sandbox::SourceComponent;
use tokio::{sync::watch, time::Instant};

use super::{Workshop, insist::Obstacle, listeners, prepare::GRANTS};
use crate::{assemble::SourceSpec, settings};

impl Workshop {
    pub(super) async fn start_source(
        &self,
        id: &ConnectorId,
        spec: &SourceSpec,
        guest: &Arc<SourceComponent>,
    ) -> Result<Arc<dyn Running>, Obstacle> {
        let tools = self.tools();
        let mut validators = HashMap::new();
        for schema in &spec.schemas {
            let validator = tools.schemas.declare(settings::declaration(schema)?).await?;
            validators.insert(schema.topic.clone(), validator);
        }
        let topic = guest.producer_configs().first().map(|producer| &producer.topic);
        self.keep_letters(id, topic, spec.config.buffer.is_some()).await?;
        let parts = SourceParts {
            guest: guest.clone(),
            broker: tools.brokers.of_source(&spec.config).await?,
            ordered: settings::ordered(&spec.config),
            validators,
            limits: settings::source_limits(&spec.config),
            on_invalid: settings::on_invalid(&spec.config),
            patience: settings::patience(spec.config.max_dead_letters),
            probe: self.probe(id),
        };
        let source = self.on_workers(Source::start(parts)).await??;
        let intake: Arc<dyn Intake> = source.clone();
        let endpoints = settings::endpoints(&spec.config, &intake, guest.interests())?;
        let routes = tools.listeners.serve(id, &spec.config.webhook, endpoints).await?;
        for endpoint in &spec.config.webhook.endpoints {
            tracing::info!(connector = %id, address = %routes.address(), path = endpoint.path.as_str(), topic = %endpoint.topic, "listening for webhooks");
        }
        tools.letters.runs(id, Arc::downgrade(&intake)).await;
        tracing::info!(connector = %id, component = %spec.config.component, digest = guest.digest(), grants = GRANTS, "source started");
        self.watch(id, source.status());
        Ok(Arc::new(RunningSource { source, routes }))
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
