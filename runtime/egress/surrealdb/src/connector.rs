//! The connector: sinks of the kind `surrealdb`.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, ProbeContext, SinkConnector, StartError, Unfit};
use danube_wasm_model::{Mapping, door::Egress};
use serde_json::{Map, Value, json};

use crate::{Connections, SurrealDb, config::TopicMapping, probe};

/// Writes documents to SurrealDB: `[sinks.surrealdb]`.
pub struct SurrealDbSink;

#[async_trait]
impl SinkConnector for SurrealDbSink {
    const KIND: &'static str = "surrealdb";

    type Config = SurrealDb;
    type Shared = Connections;

    fn mappings(config: &SurrealDb) -> Vec<Mapping> {
        config.topic_mappings.iter().map(TopicMapping::mapping).collect()
    }

    fn guest_settings(config: &SurrealDb) -> Map<String, Value> {
        let mappings: Vec<_> = config.topic_mappings.iter().map(TopicMapping::settings).collect();
        Map::from_iter([("topic_mappings".to_owned(), json!(mappings))])
    }

    fn target(config: &SurrealDb) -> String {
        config.url.to_string()
    }

    /// The built-in component writes each topic to one table.
    fn unfit_for_builtin(config: &SurrealDb) -> Vec<Unfit> {
        let has_no_default = |mapping: &&TopicMapping| mapping.table.is_none() && !mapping.tables.is_empty();
        let unfit = config
            .topic_mappings
            .iter()
            .filter(has_no_default)
            .map(|mapping| Unfit {
                message: format!(
                    "writes to `table`, and the mapping of {} has only `tables`",
                    mapping.consumer.topic
                ),
                help: "write `table = \"NAME\"`, or name a component that chooses between `tables`".to_owned(),
            });
        unfit.collect()
    }

    async fn probe(config: &SurrealDb, context: ProbeContext<Connections>) -> Vec<Finding> {
        probe::probe(config, &context.shared, &context.id, context.is_builtin).await
    }

    /// Opens an embedded database now, so that its errors are reported at the start. A server may start later.
    async fn open(config: &SurrealDb, context: Context<Connections>) -> Result<Arc<dyn Egress>, StartError> {
        if let Some(directory) = config.url.directory().filter(|_| !context.may_create)
            && !directory.exists()
        {
            let directory = directory.display();
            return Err(StartError::Transient(format!(
                "{directory} is not there yet: run the pipeline first"
            )));
        }
        let egress = context.shared.egress(config.options());
        if config.url.is_embedded() || !context.may_create {
            let notify = |message| context.notices.notify(message);
            let ready = egress.ready_or_notify(notify).await;
            ready.map_err(|error| match context.may_create {
                true => error.into(),
                // Who asks once does not wait until it has passed.
                false => StartError::permanent(error),
            })?;
        }
        Ok(egress)
    }
}
