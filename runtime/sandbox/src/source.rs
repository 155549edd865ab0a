//! Source components.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId, TopicName,
    columns::{ColumnError, Origins, Rejection},
    door::{GuestError, ProducerConfig, SourceGuest},
    event::{Answer as Reply, EventBatch, Interests, RecordBatch},
};
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    admission::Role,
    bindings::{
        danube::connector::types as wit,
        exports::danube::connector::source::{self, Guest as Source, GuestIndices},
    },
    convert::{self, Texts},
    guest::{ExportResult, Guest, check_count, check_names, check_origins, check_payload_bytes},
    lane::Lanes,
    limits::{GuestLimits, PARTITIONS_MAX},
    state::GuestState,
};

/// A loaded source component. Dropping it frees its instances.
pub struct SourceComponent {
    pub(crate) lanes: Lanes<Source>,
    pub(crate) interests: Interests,
    pub(crate) configs: Vec<ProducerConfig>,
}

#[async_trait]
impl SourceGuest for SourceComponent {
    fn id(&self) -> &ConnectorId {
        &self.lanes.template().id
    }

    fn digest(&self) -> &str {
        self.lanes.template().compiled.digest()
    }

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn recall(&self, lane: usize) -> Option<String> {
        self.lanes.recall(lane).map(|recording| recording.to_json())
    }

    fn interests(&self) -> Interests {
        self.interests
    }

    fn producer_configs(&self) -> &[ProducerConfig] {
        &self.configs
    }

    async fn poll(&self, lane: usize, events: Arc<EventBatch>) -> Result<RecordBatch, GuestError> {
        let records = self.lanes.call(lane, events).await?;
        self.check_topics(&records)?;
        Ok(records)
    }
}

impl SourceComponent {
    /// Most bytes of memory that one of its instances had after a call; [`Self::memory_bytes_max`] bounds it.
    pub fn memory_peak(&self) -> usize {
        self.lanes.memory_peak()
    }

    /// Most bytes of memory that one of its instances may have.
    pub fn memory_bytes_max(&self) -> usize {
        self.lanes.memory_bytes_max()
    }

    /// That every topic named is one of its configurations'. Names are distinct, so there are not more than those.
    fn check_topics(&self, records: &RecordBatch) -> Result<(), ColumnError> {
        let names = &records.topics.names;
        if names.len() > self.configs.len() {
            return Err(ColumnError::new(
                "topics",
                format!(
                    "{} names, but `producer-configs` has {}",
                    names.len(),
                    self.configs.len()
                ),
            ));
        }
        let known = |name: &str| self.configs.iter().any(|config| config.topic.as_str() == name);
        match names.iter().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(TopicName::BYTES_MAX).collect();
                Err(ColumnError::new(
                    "topics",
                    format!("{name:?} is not among `producer-configs`"),
                ))
            }
        }
    }
}

impl Guest for Source {
    const ROLE: Role = Role::Source;
    const CONFIGS: &'static str = "producer-configs";
    type Indices = GuestIndices;
    type Input = EventBatch;
    type Output = RecordBatch;
    type Config = wit::ProducerConfig;

    fn indices(pre: &InstancePre<GuestState>) -> wasmtime::Result<GuestIndices> {
        GuestIndices::new(pre)
    }

    fn load(store: &mut Store<GuestState>, indices: &GuestIndices, instance: &Instance) -> wasmtime::Result<Self> {
        indices.load(store, instance)
    }

    async fn initialize(
        &self,
        store: &mut Store<GuestState>,
        configuration: wit::Configuration<'_>,
    ) -> ExportResult<wit::Interests> {
        self.call_initialize(store, configuration).await
    }

    async fn configs(&self, store: &mut Store<GuestState>) -> ExportResult<Vec<wit::ProducerConfig>> {
        self.call_producer_configs(store).await
    }

    async fn call(
        &self,
        store: &mut Store<GuestState>,
        events: &EventBatch,
        wants: Interests,
    ) -> ExportResult<RecordBatch> {
        let texts = wants.texts.then(|| Texts::of(&events.payloads));
        let extra: Vec<_> = texts.iter().map(Texts::column).collect();
        let (endpoints, content_types) = (convert::names(&events.endpoints), convert::names(&events.content_types));
        let batch = source::EventBatch {
            endpoints: convert::labels(&events.endpoints, &endpoints),
            payloads: convert::blobs(texts.as_ref().map_or(&events.payloads, |texts| &texts.rest)),
            ids: convert::blobs(&events.ids),
            keys: convert::blobs(&events.keys),
            content_types: convert::labels(&events.content_types, &content_types),
            received: &events.received_ms,
            attributes: convert::attributes(&events.attributes),
            headers: convert::attributes(&events.headers),
            extra: &extra,
        };
        let answer = self.call_poll(store, batch).await?;
        Ok(answer.map(RecordBatch::from))
    }

    fn len(events: &EventBatch) -> usize {
        events.len()
    }

    fn rejections(records: &mut RecordBatch) -> &mut [Rejection] {
        &mut records.rejected
    }

    fn origins(records: &RecordBatch) -> &Origins {
        &records.origins
    }

    fn check(records: &RecordBatch, events: &EventBatch, limits: &GuestLimits) -> Result<(), GuestError> {
        check_count(records.len(), limits)?;
        check_names(records.topics.names.len(), limits)?;
        check_count(records.rejected.len(), limits)?;
        check_origins(&records.origins, limits)?;
        records.check(events.len())?;
        check_payload_bytes(&records.payloads, |i| events.payloads.get(i).len(), limits)
    }
}

impl From<source::RecordBatch> for RecordBatch {
    fn from(from: source::RecordBatch) -> Self {
        Self {
            topics: from.topics.into(),
            payloads: from.payloads.into(),
            origins: from.origins.into(),
            ids: from.ids.into(),
            keys: from.keys.into(),
            attributes: from.attributes.into(),
            rejected: from.rejected.into_iter().map(Into::into).collect(),
            answers: from.answers.into_iter().map(reply).collect(),
        }
    }
}

fn reply(from: source::Answer) -> Reply {
    Reply {
        origin: from.origin,
        status: from.status,
        content_type: from.content_type,
        body: from.body,
    }
}

/// The topics that a component says it publishes to, if they are granted; else the sentence that says what to change.
pub(crate) fn check_configs(
    configs: Vec<wit::ProducerConfig>,
    granted: &[TopicName],
) -> Result<Vec<ProducerConfig>, String> {
    if configs.is_empty() {
        return Err("`producer-configs` names no topic, so there is nothing that it could publish to".into());
    }
    let mut checked: Vec<ProducerConfig> = Vec::with_capacity(configs.len());
    for config in configs {
        let topic: TopicName = config.topic.parse().map_err(|e| format!("`producer-configs`: {e}"))?;
        if !granted.contains(&topic) {
            return Err(format!(
                "it publishes to `{topic}`, which the pipeline file does not grant: give one of its endpoints \
                 `danube_topic = \"{topic}\"`, or change what its `config` says about topics"
            ));
        }
        if checked.iter().any(|before| before.topic == topic) {
            return Err(format!("`producer-configs` names `{topic}` twice"));
        }
        if config.partitions > PARTITIONS_MAX {
            return Err(format!(
                "it asks for {} partitions of `{topic}`: set `partitions` to at most {PARTITIONS_MAX}",
                config.partitions
            ));
        }
        checked.push(ProducerConfig {
            topic,
            partitions: config.partitions,
            reliable_dispatch: config.reliable_dispatch,
        });
    }
    Ok(checked)
}
