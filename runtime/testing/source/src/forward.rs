use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use danube_wasm_connector::SourceConfig;
use danube_wasm_model::{
    ConnectorId,
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{EventBatch, Interests, RecordBatch},
};
use danube_wasm_pipeline::{Instruments, RetryPolicy, SourceLimits, SourceParts};
use tokio::sync::watch;

use crate::Log;

/// A component that makes a record of each event, with its attributes, headers and content type, in the topic of its route.
#[derive(Debug)]
pub struct Forward {
    id: ConnectorId,
    configs: Vec<ProducerConfig>,
    topic_of: BTreeMap<String, String>,
    open: watch::Receiver<bool>,
}

impl Forward {
    /// For the routes of a source. It takes events while the gate is open.
    pub fn new(id: ConnectorId, config: &SourceConfig, open: watch::Receiver<bool>) -> Self {
        let configs = config.routes().into_iter().map(|route| ProducerConfig {
            topic: route.topic,
            partitions: route.partitions,
            reliable_dispatch: route.reliable_dispatch,
        });
        let routes = config.routes().into_iter();
        Self {
            id,
            configs: configs.collect(),
            topic_of: routes
                .map(|route| (route.endpoint, route.topic.as_str().to_owned()))
                .collect(),
            open,
        }
    }

    /// Everything that an event may have.
    pub fn interests_of_all() -> Interests {
        Interests::from_names(["ids", "keys", "attributes", "headers", "content-types"])
    }
}

#[async_trait]
impl SourceGuest for Forward {
    fn id(&self) -> &ConnectorId {
        &self.id
    }

    fn digest(&self) -> &str {
        "forward"
    }

    fn lanes(&self) -> usize {
        1
    }

    fn interests(&self) -> Interests {
        Self::interests_of_all()
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, _: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let mut open = self.open.clone();
        open.wait_for(|open| *open).await.expect("the test goes on");
        let mut records = RecordBatch::default();
        for i in 0..events.len() {
            records.topics.push(&self.topic_of[events.endpoints.get(i)]);
            records.payloads.push_input(u32::try_from(i).expect("a small batch"));
            records.keys.push(events.keys.get(i));
            let headers = events.headers.get(i);
            let headers: Vec<_> = headers.map(|(name, value)| (format!("header.{name}"), value)).collect();
            let headers = headers.iter().map(|(name, value)| (name.as_str(), *value));
            let content_type = [("content-type", events.content_types.get(i))];
            let attributes = events.attributes.get(i).chain(headers).chain(content_type);
            records.attributes.push(attributes);
        }
        Ok(records)
    }
}

/// What a pipeline is given for a source on this log.
pub fn source_parts(config: &SourceConfig, guest: Forward, log: &Log, instruments: Instruments) -> SourceParts {
    let routes = config.routes().into_iter();
    SourceParts {
        guest: Arc::new(guest),
        broker: log.broker.clone(),
        ordered: HashSet::new(),
        validators: HashMap::new(),
        limits: SourceLimits::default(),
        on_invalid: routes.map(|route| (route.endpoint, route.on_invalid)).collect(),
        on_failure: HashMap::new(),
        retry_policy: RetryPolicy::default(),
        clock: log.clock.clone(),
        instruments,
    }
}
