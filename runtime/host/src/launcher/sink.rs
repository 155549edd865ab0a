//! Starts a sink: its topics, its target, its component, then its subscriptions.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_broker::{ErrorKind, TopicSpec};
use danube_wasm_model::{
    ConnectorId,
    door::{ConsumerConfig, Egress, SinkGuest as _},
};
use danube_wasm_pipeline::{BatchPolicy, Sink, SinkParts, Status, supervisor::Running};
use danube_wasm_sandbox::{Secrets, SinkComponent};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{ConnectorLauncher, start_error::StartError};
use crate::{assemble::SinkSpec, components::RunningComponent, settings, tap::TappedSink};

impl ConnectorLauncher {
    pub(super) async fn start_sink(
        &self,
        id: &ConnectorId,
        spec: &SinkSpec,
        guest: &Arc<SinkComponent>,
    ) -> Result<Arc<dyn Running>, StartError> {
        let services = self.services();
        let view = services.brokers.of_sink(&spec.config, &services.schemas).await?;
        // A topic is bound to its schema when it is created, and sinks create their topics before sources start.
        let mut recalled = Vec::new();
        for schema in &spec.schemas {
            let declared = view.schemas.declare_or_recall(settings::declaration(schema)?).await?;
            recalled.extend(declared.recalled);
        }
        self.warn_about_unread_backlog(id, spec, guest).await;
        for consumer in guest.consumer_configs() {
            self.ensure_topic(consumer, spec).await?;
        }
        let egress = spec.config.connector.open(self.context(id)).await?;
        let topic = guest.consumer_configs().first().map(|consumer| &consumer.topic);
        self.collect_dead_letters(id, topic, view.spool.as_ref()).await?;
        let configs = guest.consumer_configs().iter();
        let parts = SinkParts {
            guest: Arc::new(self.tapped_sink(spec, guest)),
            broker: view.broker,
            consumer: services.brokers.consumer_name(id),
            schemas: view.schemas.clone(),
            egress: egress.clone(),
            batches: configs
                .map(|consumer| {
                    let policy = batch_policy(spec, consumer);
                    let linger = policy.linger.min(services.brokers.linger_max());
                    BatchPolicy { linger, ..policy }
                })
                .collect(),
            retry_policy: settings::retry_policy(spec.config.max_dead_letters),
            instruments: self.instruments(id),
        };
        let sink = self
            .on_workers(Sink::start_with(parts, services.pauses.of(id)))
            .await??;
        let running = RunningComponent::Sink(Arc::downgrade(guest));
        services.components.set(id, running);
        tracing::info!(connector = %id, component = %spec.config.component, digest = guest.digest(), writes_to = %spec.config.connector.target(), "sink started");
        Ok(Arc::new(RunningSink {
            sink,
            egress,
            _confirming: self.confirm(id, view.schemas, recalled),
        }))
    }

    /// The component, with a place where an operator can watch.
    fn tapped_sink(&self, spec: &SinkSpec, guest: &Arc<SinkComponent>) -> TappedSink {
        let config = &spec.config;
        let secrets = Secrets::from_settings(&config.settings_json(), Some(&config.settings_kept()));
        TappedSink {
            guest: guest.clone(),
            taps: self.services().taps.clone(),
            shadows: self.services().shadows.clone(),
            secrets: Arc::new(secrets),
        }
    }

    /// Creates a sink's topic if needed. In the embedded log the topic must exist before the sink subscribes, with the
    /// number of partitions that a source of this pipeline sets. In Danube only such a source creates it, because
    /// nobody else knows its properties.
    async fn ensure_topic(&self, consumer: &ConsumerConfig, spec: &SinkSpec) -> Result<(), StartError> {
        let brokers = &self.services().brokers;
        let fed = spec.topics.iter().find(|(topic, _)| *topic == consumer.topic);
        let topic_spec = match fed {
            Some((_, spec)) => spec.clone(),
            None if brokers.is_embedded() => TopicSpec {
                reliable_dispatch: true,
                ..TopicSpec::default()
            },
            None => return Ok(()),
        };
        match brokers.main().create_topic(&consumer.topic, topic_spec).await {
            // Another pipeline created it with other properties: all its partitions are consumed.
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            // The topic existed when this sink subscribed, or subscribing fails now as well.
            Err(error) if error.is_transient() && spec.config.buffer.is_some() => Ok(()),
            created => Ok(created?),
        }
    }
}

/// Returns the policy of the mapping that this subscription belongs to.
fn batch_policy(spec: &SinkSpec, consumer: &ConsumerConfig) -> BatchPolicy {
    let mappings = spec.config.mappings();
    let of_topic = mappings
        .iter()
        .filter(|mapping| mapping.consumer.topic == consumer.topic);
    let of_subscription = of_topic
        .clone()
        .find(|m| m.consumer.subscription == consumer.subscription);
    let mapping = of_subscription.or_else(|| of_topic.clone().next());
    mapping.map(|mapping| mapping.batch).unwrap_or_default()
}

struct RunningSink {
    sink: Arc<Sink>,
    egress: Arc<dyn Egress>,
    _confirming: JoinSet<()>,
}

#[async_trait]
impl Running for RunningSink {
    fn status(&self) -> watch::Receiver<Status> {
        self.sink.status()
    }

    async fn drain(&self, deadline: Instant) {
        self.sink.drain(deadline).await;
        if let Err(error) = self.egress.close().await {
            tracing::warn!(connector = %self.sink.id(), %error, "the target was not closed cleanly");
        }
    }
}
