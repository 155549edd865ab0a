//! A sink that keeps what it is given in memory: `[sinks.collector]`.

mod config;

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, SinkConnector, StartError};
use danube_wasm_model::{
    Mapping, Targets,
    door::{Egress, EgressError, Write, WriteReport},
};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

pub use config::Collector;

/// Keeps every write: see [`Collection`].
pub struct CollectorSink;

/// What the collectors of a host were given, in the order in which they were.
#[derive(Default)]
pub struct Collection(pub Mutex<Vec<Write>>);

#[async_trait]
impl SinkConnector for CollectorSink {
    const KIND: &'static str = "collector";

    type Config = Collector;
    type Shared = Collection;

    fn mappings(config: &Collector) -> Vec<Mapping> {
        vec![config.mapping.clone()]
    }

    fn guest_settings(config: &Collector) -> Map<String, Value> {
        let consumer = &config.mapping.consumer;
        let mapping = json!({
            "topic": consumer.topic.as_str(),
            "subscription": consumer.subscription,
            "subscription_type": consumer.subscription_type,
            "table": config::TARGET,
        });
        Map::from_iter([("topic_mappings".to_owned(), json!([mapping]))])
    }

    fn target(_: &Collector) -> String {
        "memory".to_owned()
    }

    async fn open(_: &Collector, context: Context<Collection>) -> Result<Arc<dyn Egress>, StartError> {
        Ok(Arc::new(Memory {
            collection: context.shared,
            targets: Targets::from_iter([config::TARGET]),
        }))
    }
}

struct Memory {
    collection: Arc<Collection>,
    targets: Targets,
}

#[async_trait]
impl Egress for Memory {
    async fn write(&self, writes: &[Write]) -> Result<WriteReport, EgressError> {
        self.collection.0.lock().extend_from_slice(writes);
        Ok(WriteReport::default())
    }

    fn targets(&self) -> &Targets {
        &self.targets
    }

    async fn ready(&self) -> Result<(), EgressError> {
        Ok(())
    }
}
