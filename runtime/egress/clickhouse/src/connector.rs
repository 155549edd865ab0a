//! The kind of sink that writes to ClickHouse.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, ProbeContext, SinkConnector, StartError, Unfit};
use danube_wasm_model::{Mapping, door::Egress};
use serde_json::{Map, Value, json};

use crate::{
    ClickHouseEgress,
    config::{ClickHouse, TopicMapping},
    probe,
};

/// Writes documents to tables of ClickHouse: `[sinks.clickhouse]`.
pub struct ClickHouseSink;

#[async_trait]
impl SinkConnector for ClickHouseSink {
    const KIND: &'static str = "clickhouse";

    type Config = ClickHouse;
    type Shared = ();

    fn mappings(config: &ClickHouse) -> Vec<Mapping> {
        config.topic_mappings.iter().map(TopicMapping::mapping).collect()
    }

    fn guest_settings(config: &ClickHouse) -> Map<String, Value> {
        let mappings: Vec<_> = config.topic_mappings.iter().map(TopicMapping::settings).collect();
        Map::from_iter([("topic_mappings".to_owned(), json!(mappings))])
    }

    fn target(config: &ClickHouse) -> String {
        format!("{} database `{}`", config.origin(), config.database)
    }

    /// The built-in component writes each topic to one table.
    fn unfit_for_builtin(config: &ClickHouse) -> Vec<Unfit> {
        let chooses = |mapping: &&TopicMapping| mapping.table.is_none() && !mapping.tables.is_empty();
        let unfit = config.topic_mappings.iter().filter(chooses).map(|mapping| Unfit {
            message: format!(
                "writes to `table`, and the mapping of {} has only `tables`",
                mapping.consumer.topic
            ),
            help: "write `table = \"NAME\"`, or name a component that chooses between `tables`".to_owned(),
        });
        unfit.collect()
    }

    async fn probe(config: &ClickHouse, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(config, &context.id).await
    }

    /// A server may come later: then writes wait for it.
    async fn open(config: &ClickHouse, _: Context<()>) -> Result<Arc<dyn Egress>, StartError> {
        let egress = ClickHouseEgress::new(config).map_err(StartError::permanent)?;
        Ok(Arc::new(egress))
    }
}
