//! The kind of sink that writes to Qdrant.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, ProbeContext, SinkConnector, StartError, Unfit};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{Mapping, door::Egress};
use serde_json::{Map, Value, json};

use crate::{
    QdrantEgress,
    config::{Qdrant, TopicMapping},
    probe,
};

/// Writes documents to Qdrant: `[sinks.qdrant]`.
pub struct QdrantSink;

#[async_trait]
impl SinkConnector for QdrantSink {
    const KIND: &'static str = "qdrant";

    type Config = Qdrant;
    type Shared = ();

    fn mappings(config: &Qdrant) -> Vec<Mapping> {
        config.topic_mappings.iter().map(TopicMapping::mapping).collect()
    }

    fn guest_settings(config: &Qdrant) -> Map<String, Value> {
        let mappings: Vec<_> = config.topic_mappings.iter().map(TopicMapping::settings).collect();
        Map::from_iter([("topic_mappings".to_owned(), json!(mappings))])
    }

    fn target(config: &Qdrant) -> String {
        config.url.to_string()
    }

    /// The built-in component writes each topic to one collection.
    fn unfit_for_builtin(config: &Qdrant) -> Vec<Unfit> {
        let chooses = |mapping: &&TopicMapping| mapping.collection.is_none() && !mapping.collections.is_empty();
        let unfit = config.topic_mappings.iter().filter(chooses).map(|mapping| Unfit {
            message: format!(
                "writes to `collection`, and the mapping of {} has only `collections`",
                mapping.consumer.topic
            ),
            help: "write `collection = \"NAME\"`, or name a component that chooses between `collections`".to_owned(),
        });
        unfit.collect()
    }

    async fn probe(config: &Qdrant, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(config, &context.id).await
    }

    async fn open(config: &Qdrant, _: Context<()>) -> Result<Arc<dyn Egress>, StartError> {
        let dialer = Dialer::new(config.guard.policy());
        let egress = QdrantEgress::new(config, &dialer).map_err(StartError::permanent)?;
        Ok(Arc::new(egress))
    }
}
