//! Sink components.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_model::{
    ConnectorId, TopicName,
    columns::{Blobs, Origins, Rejection},
    door::{ConsumerConfig, GuestError, SinkGuest},
    event::Interests,
    message::{MessageBatch, WriteBatch},
};
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    admission::Role,
    bindings::{
        danube::connector::types as wit,
        exports::danube::connector::sink::{self, Guest as Sink, GuestIndices},
    },
    convert::{self, Texts},
    guest::{ExportResult, Guest, check_count, check_names, check_origins, check_payload_bytes},
    lane::Lanes,
    limits::GuestLimits,
    state::GuestState,
};

/// Longest subscription name or schema subject, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A loaded sink component. Dropping it frees its instances.
pub struct SinkComponent {
    pub(crate) lanes: Lanes<Sink>,
    pub(crate) interests: Interests,
    pub(crate) configs: Vec<ConsumerConfig>,
}

impl SinkComponent {
    /// Most bytes of memory that one of its instances had after a call; [`Self::memory_bytes_max`] bounds it.
    pub fn memory_peak(&self) -> usize {
        self.lanes.memory_peak()
    }

    /// Most bytes of memory that one of its instances may have.
    pub fn memory_bytes_max(&self) -> usize {
        self.lanes.memory_bytes_max()
    }
}

#[async_trait]
impl SinkGuest for SinkComponent {
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

    fn consumer_configs(&self) -> &[ConsumerConfig] {
        &self.configs
    }

    async fn process_batch(&self, lane: usize, messages: Arc<MessageBatch>) -> Result<WriteBatch, GuestError> {
        self.lanes.call(lane, messages).await
    }
}

/// Orders as numbers, or as bytes where the component wants them so.
fn order_column<'a>(orders: &'a [u64], bytes: Option<&'a Blobs>) -> wit::NamedColumnParam<'a> {
    match bytes {
        Some(bytes) => wit::NamedColumnParam {
            name: MessageBatch::ORDER_BYTES,
            values: wit::ColumnParam::Blobs(convert::blobs(bytes)),
        },
        None => wit::NamedColumnParam {
            name: MessageBatch::ORDERS,
            values: wit::ColumnParam::Numbers(orders),
        },
    }
}

impl Guest for Sink {
    const ROLE: Role = Role::Sink;
    const CONFIGS: &'static str = "consumer-configs";
    type Indices = GuestIndices;
    type Input = MessageBatch;
    type Output = WriteBatch;
    type Config = wit::ConsumerConfig;

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

    async fn configs(&self, store: &mut Store<GuestState>) -> ExportResult<Vec<wit::ConsumerConfig>> {
        self.call_consumer_configs(store).await
    }

    async fn call(
        &self,
        store: &mut Store<GuestState>,
        messages: &MessageBatch,
        wants: Interests,
    ) -> ExportResult<WriteBatch> {
        let topics = convert::names(&messages.topics);
        let (producers, schemas) = (convert::names(&messages.producers), convert::names(&messages.schemas));
        let texts = wants.texts.then(|| Texts::of(&messages.payloads));
        let order_bytes = wants.order_bytes.then(|| convert::order_bytes(&messages.orders));
        let orders = (!messages.orders.is_empty()).then(|| order_column(&messages.orders, order_bytes.as_ref()));
        let extra: Vec<_> = orders.into_iter().chain(texts.iter().map(Texts::column)).collect();
        let batch = sink::MessageBatch {
            topics: convert::labels(&messages.topics, &topics),
            payloads: convert::blobs(texts.as_ref().map_or(&messages.payloads, |texts| &texts.rest)),
            ids: convert::blobs(&messages.ids),
            keys: convert::blobs(&messages.keys),
            publish_times: &messages.publish_times_ms,
            producers: convert::labels(&messages.producers, &producers),
            schemas: convert::labels(&messages.schemas, &schemas),
            attributes: convert::attributes(&messages.attributes),
            extra: &extra,
        };
        let answer = self.call_process_batch(store, batch).await?;
        Ok(answer.map(WriteBatch::from))
    }

    fn len(messages: &MessageBatch) -> usize {
        messages.len()
    }

    fn rejections(writes: &mut WriteBatch) -> &mut [Rejection] {
        &mut writes.rejected
    }

    fn origins(writes: &WriteBatch) -> &Origins {
        &writes.origins
    }

    fn check(writes: &WriteBatch, messages: &MessageBatch, limits: &GuestLimits) -> Result<(), GuestError> {
        check_count(writes.len(), limits)?;
        check_names(writes.targets.names.len(), limits)?;
        check_count(writes.rejected.len(), limits)?;
        check_origins(&writes.origins, limits)?;
        writes.check(messages.len())?;
        check_payload_bytes(&writes.payloads, |i| messages.payloads.get(i).len(), limits)
    }
}

impl From<sink::WriteBatch> for WriteBatch {
    fn from(from: sink::WriteBatch) -> Self {
        Self {
            targets: from.targets.into(),
            payloads: from.payloads.into(),
            origins: from.origins.into(),
            ids: from.ids.into(),
            operations: from.operations,
            orders: from.orders,
            rejected: from.rejected.into_iter().map(Into::into).collect(),
        }
    }
}

/// The topics that a component says it consumes, if they are granted; else the sentence that says what to change.
pub(crate) fn check_configs(
    configs: Vec<wit::ConsumerConfig>,
    granted: &[TopicName],
) -> Result<Vec<ConsumerConfig>, String> {
    if configs.is_empty() {
        return Err("`consumer-configs` names no topic, so there is nothing that it could consume".into());
    }
    let mut checked: Vec<ConsumerConfig> = Vec::with_capacity(configs.len());
    for config in configs {
        let topic: TopicName = config.topic.parse().map_err(|e| format!("`consumer-configs`: {e}"))?;
        if !granted.contains(&topic) {
            return Err(format!(
                "it consumes `{topic}`, which the pipeline file does not grant: add a `topic_mappings` entry with \
                 `topic = \"{topic}\"`, or change what its `config` says about topics"
            ));
        }
        if checked.iter().any(|before| before.topic == topic) {
            return Err(format!("`consumer-configs` names `{topic}` twice"));
        }
        check_name("subscription", &config.subscription, &topic)?;
        if let Some(subject) = &config.expected_schema_subject {
            check_name("expected_schema_subject", subject, &topic)?;
        }
        checked.push(ConsumerConfig {
            topic,
            subscription: config.subscription,
            subscription_type: config.subscription_type.into(),
            expected_schema_subject: config.expected_schema_subject,
        });
    }
    Ok(checked)
}

fn check_name(key: &str, name: &str, topic: &TopicName) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(format!(
            "the {key} of `{topic}` is empty, longer than {NAME_BYTES_MAX} bytes or has control characters: \
             set `{key}` in its `topic_mappings` entry"
        ));
    }
    Ok(())
}
