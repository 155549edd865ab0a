//! The kind of source that reads from Kafka.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, Flow, Ingress, Pipeline, ProbeContext, SourceConnector, StartError};
use danube_wasm_model::Route;
use serde_json::{Map, Value, json};

use crate::{client::Client, config::Kafka, counters::Counters, probe, registry::Registry};

/// Reads from topics of Kafka: `[sources.kafka]`.
pub struct KafkaSource;

#[async_trait]
impl SourceConnector for KafkaSource {
    const KIND: &'static str = "kafka";

    type Config = Kafka;
    type Shared = ();

    fn routes(kafka: &Kafka) -> Vec<Route> {
        kafka.routes.iter().map(|route| route.route.clone()).collect()
    }

    /// A name in a group is one process's: the newest ends the others.
    fn claims(kafka: &Kafka) -> Vec<String> {
        let claim = |instance| format!("instance {instance} of the kafka group {}", kafka.group);
        kafka.instance.iter().map(claim).collect()
    }

    /// Each partition is a stream.
    fn flow(_: &Kafka) -> Flow {
        Flow::Pull {
            independent_keys: false,
        }
    }

    fn guest_settings(kafka: &Kafka) -> Map<String, Value> {
        let endpoints: Vec<_> = kafka.routes.iter().map(crate::RouteConfig::settings).collect();
        Map::from_iter([("endpoints".to_owned(), json!(endpoints))])
    }

    fn location(kafka: &Kafka, endpoint: &str) -> String {
        format!("kafka://{}/{endpoint}", kafka.address())
    }

    async fn probe(kafka: &Kafka, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(kafka, context.id.as_str()).await
    }

    async fn start(kafka: &Kafka, context: Context<()>, pipeline: Pipeline) -> Result<Box<dyn Ingress>, StartError> {
        let registry = kafka.schema_registry.as_ref().map(Registry::new).transpose();
        let registry = registry.map_err(StartError::permanent)?;
        let counters = Counters::new(context.metrics, context.id.clone());
        let client = Client::new(
            context.id,
            kafka.clone(),
            pipeline.interests,
            pipeline.notebook(),
            registry,
            counters,
        );
        pipeline.read(Arc::new(client))
    }
}
