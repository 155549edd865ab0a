//! Messages become the bodies of HTTP requests.
//!
//! Keys of a topic mapping, beside those that every sink has:
//!
//! * `endpoint`: where the messages go.
//! * `id_pointer`: a JSON pointer into the message. What it points at, a string or an integer, is the id of the document that
//!   the message is about: the message is an upsert of it (`PUT`, and the id stands where the endpoint's URL has `{id}`). A
//!   message in which it points at nothing of the kind is refused. A message that is the deletion of a row (`change.op`) is
//!   one of the document (`DELETE`, without a body).
//! * `id_from = "key"`: the same with the message's routing key; `[7]`, as of a row with that primary key, is `7`. With neither,
//!   each message is an insert (`POST`).
//! * `body`: what is sent instead of the message: see [`template`].
//! * `include_attributes`: adds attributes of the message to what is sent, which must be a JSON object: a list of their names adds an
//!   object `_attributes`, where `"*"` is all; a table of names by field adds each as a field. Those that a message does not have are
//!   left out.
//!
//! Without both the message is sent as it was published, byte by byte.

pub mod template;

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, ConsumerConfig, DocumentId, Error, IncludeAttributes, Nothing, Result, SinkConnector, SinkRecord,
    SinkSettings, TopicMapping, Write, Writes, export_sink,
};
use serde::Deserialize;
use template::Template;

/// The connector.
#[derive(Debug)]
pub struct HttpSink {
    consumer_configs: Vec<ConsumerConfig>,
    mappings: BTreeMap<String, OwnKeys>,
}

/// Keys of its own in a mapping.
#[derive(Debug, Deserialize)]
struct OwnKeys {
    endpoint: String,
    #[serde(flatten)]
    id: DocumentId,
    body: Option<Template>,
    include_attributes: Option<IncludeAttributes>,
}

impl SinkConnector for HttpSink {
    fn initialize(config: Config) -> Result<Self> {
        let settings: SinkSettings<Nothing, OwnKeys> = config.settings()?;
        let consumer_configs = settings.consumer_configs()?;
        let mapping = |mapping: TopicMapping<OwnKeys>| (mapping.topic, mapping.more);
        Ok(Self {
            consumer_configs,
            mappings: settings.topic_mappings.into_iter().map(mapping).collect(),
        })
    }

    fn consumer_configs(&self) -> Result<Vec<ConsumerConfig>> {
        Ok(self.consumer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        let keys = || self.mappings.values();
        let included = keys().filter_map(|keys| Some(keys.include_attributes.as_ref()?.wants()));
        keys().flat_map(|keys| keys.id.wants()).chain(included).collect()
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let topic = record.topic();
        let unknown = || Error::invalid_data(format!("topic `{topic}` is not one of this connector's"));
        let keys = self.mappings.get(topic).ok_or_else(unknown)?;
        let write = keys.id.write(&keys.endpoint, record, || {
            let made = keys
                .body
                .as_ref()
                .map(|template| template.fill(record.bytes()))
                .transpose()?;
            Ok(match (made, &keys.include_attributes) {
                (None, None) => Write::forward(&keys.endpoint, record),
                (Some(json), None) => Write::insert_bytes(&keys.endpoint, json),
                (made, Some(include)) => {
                    let json = made.as_deref().unwrap_or(record.bytes());
                    Write::insert_bytes(&keys.endpoint, include.add(json, record)?)
                }
            })
        })?;
        Ok(write.into())
    }
}

export_sink!(HttpSink);
