//! The kind of sink that sends to HTTP endpoints.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, ProbeContext, SinkConnector, StartError, Unfit};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{Mapping, door::Egress};
use serde_json::{Map, Value, json};

use crate::{
    Counters, HttpEgress,
    config::{Http, TopicMapping},
    probe,
};

/// Sends documents to HTTP endpoints: `[sinks.http]`.
pub struct HttpSink;

#[async_trait]
impl SinkConnector for HttpSink {
    const KIND: &'static str = "http";

    type Config = Http;
    type Shared = ();

    fn mappings(config: &Http) -> Vec<Mapping> {
        config.topic_mappings.iter().map(TopicMapping::mapping).collect()
    }

    fn guest_settings(config: &Http) -> Map<String, Value> {
        let mappings: Vec<_> = config.topic_mappings.iter().map(TopicMapping::settings).collect();
        Map::from_iter([("topic_mappings".to_owned(), json!(mappings))])
    }

    fn target(config: &Http) -> String {
        let origins: BTreeSet<_> = config.endpoints.iter().map(|endpoint| endpoint.url.origin()).collect();
        Vec::from_iter(origins).join(", ")
    }

    /// The built-in component sends each topic to one endpoint.
    fn unfit_for_builtin(config: &Http) -> Vec<Unfit> {
        let chooses = |mapping: &&TopicMapping| mapping.endpoint.is_none() && !mapping.endpoints.is_empty();
        let unfit = config.topic_mappings.iter().filter(chooses).map(|mapping| Unfit {
            message: format!(
                "sends to `endpoint`, and the mapping of {} has only `endpoints`",
                mapping.consumer.topic
            ),
            help: "write `endpoint = \"NAME\"`, or name a component that chooses between `endpoints`".to_owned(),
        });
        unfit.collect()
    }

    async fn probe(config: &Http, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(config, &context.id).await
    }

    async fn open(config: &Http, context: Context<()>) -> Result<Arc<dyn Egress>, StartError> {
        let dialer = Dialer::new(config.guard.policy());
        let counters = Counters::new(context.metrics, context.id);
        let egress = HttpEgress::counted(config, &dialer, &counters).map_err(StartError::permanent)?;
        Ok(Arc::new(egress))
    }
}
