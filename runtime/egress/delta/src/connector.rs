//! The kind of sink that appends to Delta tables.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, ProbeContext, SinkConnector, StartError, Unfit};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::{Mapping, door::Egress};
use serde_json::{Map, Value, json};

use crate::{
    DeltaEgress,
    config::{Delta, TopicMapping},
    probe, storage,
};

/// Appends documents to Delta Lake tables: `[sinks.delta]`.
pub struct DeltaSink;

#[async_trait]
impl SinkConnector for DeltaSink {
    const KIND: &'static str = "delta";

    type Config = Delta;
    type Shared = ();

    fn mappings(config: &Delta) -> Vec<Mapping> {
        config.topic_mappings.iter().map(TopicMapping::mapping).collect()
    }

    fn guest_settings(config: &Delta) -> Map<String, Value> {
        let mappings: Vec<_> = config.topic_mappings.iter().map(TopicMapping::settings).collect();
        Map::from_iter([("topic_mappings".to_owned(), json!(mappings))])
    }

    fn target(config: &Delta) -> String {
        let urls: BTreeSet<_> = config.tables.iter().map(|table| table.url.to_string()).collect();
        Vec::from_iter(urls).join(", ")
    }

    /// The built-in component writes each topic to one table, and documents with ids as upserts.
    fn unfit_for_builtin(config: &Delta) -> Vec<Unfit> {
        config
            .topic_mappings
            .iter()
            .filter_map(|mapping| unfit(config, mapping))
            .collect()
    }

    fn validate(config: &Delta) -> Result<(), String> {
        let dialer = Dialer::new(config.guard.policy());
        for table in &config.tables {
            let opened = storage::open(&table.url, &config.options_of(table), &dialer);
            opened.map_err(|why| format!("{}: {why}; correct `storage`", table.shown()))?;
        }
        Ok(())
    }

    async fn probe(config: &Delta, context: ProbeContext<()>) -> Vec<Finding> {
        probe::probe(config, &context.id).await
    }

    async fn open(config: &Delta, context: Context<()>) -> Result<Arc<dyn Egress>, StartError> {
        let egress = DeltaEgress::new(config, context.id.as_str(), &context.consumer, context.may_create);
        Ok(Arc::new(egress.map_err(StartError::permanent)?))
    }
}

fn unfit(config: &Delta, mapping: &TopicMapping) -> Option<Unfit> {
    let topic = &mapping.consumer.topic;
    let Some(name) = &mapping.table else {
        return Some(Unfit {
            message: format!("writes to `table`, and the mapping of {topic} has only `tables`"),
            help: "write `table = \"NAME\"`, or name a component that chooses between `tables`".to_owned(),
        });
    };
    let has_changes = config.tables.iter().any(|table| table.name == *name && table.changes);
    (mapping.has_ids() && !has_changes).then(|| Unfit {
        message: format!(
            "writes the documents of {topic} as upserts, for their ids, and table `{name}` takes only inserts"
        ),
        help: "write `changes = true` for the table, or leave `id_pointer` and `id_from` out".to_owned(),
    })
}
