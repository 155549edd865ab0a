//! Messages become documents of tables and collections.
//!
//! Keys of a topic mapping, beside those that every sink has:
//!
//! * `table`, `collection` or `endpoint`: where the documents go.
//! * `include_danube_metadata` (default true): adds `_danube_metadata` to each document, with `danube_topic`,
//!   `danube_timestamp` (publish time, RFC 3339), `danube_producer` and `danube_message_id` (the record's id).
//! * `storage_mode`: `Document` (default) or `TimeSeries`, which adds `_timestamp`: the publish time as RFC 3339 text.
//! * `id_pointer`: a JSON pointer into the message. What it points at, a string or an integer, becomes the document's id
//!   (`"7"` and `7` are the same), and the document replaces an older one of that id; messages may come in any order
//!   and through any partition, the one published last stays. A message in which it points at nothing of the kind is refused.
//! * `id_from = "key"`: the same with the message's routing key; `[7]`, as of a row with that primary key, is `7`.
//! * `include_attributes`: adds attributes of the message: a list of their names adds an object `_attributes`, where `"*"` is all; a
//!   table of names by field adds each as a field. Those that a message does not have are left out.
//!
//! With neither id, each message is a document of its own, with an id made from the record's. With one of them, a message that
//! is a change of a row (`change.op`) does what was done to the row: a deletion removes the document, an update whose source was
//! not told all values merges into it, and a truncation is refused.
//!
//! A message that is not a JSON object is stored as `{"value": …}`. One that is not JSON, which only topics without a schema
//! have, is stored as `{"value": "text"}` if it is UTF-8, else as `{"data": base64, "size": bytes}`. The fields that are added
//! replace a message's own of the same name. Everything else is stored as it was written: numbers keep all their digits.

mod document;

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, ConsumerConfig, DocumentId, Error, IncludeAttributes, Nothing, Result, SinkConnector, SinkRecord,
    SinkSettings, TopicMapping, Write, Writes, export_sink,
};
use document::{Additions, Document};
use serde::Deserialize;

/// The connector.
#[derive(Debug)]
pub struct DocumentSink {
    consumer_configs: Vec<ConsumerConfig>,
    mappings: BTreeMap<String, OwnKeys>,
}

/// Keys of its own in a mapping.
#[derive(Debug, Deserialize)]
struct OwnKeys {
    #[serde(alias = "collection", alias = "endpoint")]
    table: String,
    #[serde(default = "yes")]
    include_danube_metadata: bool,
    #[serde(default)]
    storage_mode: StorageMode,
    include_attributes: Option<IncludeAttributes>,
    #[serde(flatten)]
    id: DocumentId,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum StorageMode {
    #[default]
    Document,
    TimeSeries,
}

impl SinkConnector for DocumentSink {
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
        let any = |test: fn(&OwnKeys) -> bool| self.mappings.values().any(test);
        let mut wants = Vec::new();
        if any(|keys| keys.include_danube_metadata) {
            wants.extend([Column::Ids, Column::Producers]);
        }
        if any(OwnKeys::needs_publish_time) {
            wants.push(Column::PublishTimes);
        }
        if any(|keys| keys.include_attributes.is_some()) {
            wants.push(Column::Attributes);
        }
        wants.extend(self.mappings.values().flat_map(|keys| keys.id.wants()));
        wants
    }

    fn process<'a>(&'a mut self, record: SinkRecord<'a>) -> Result<Writes<'a>> {
        let topic = record.topic();
        let unknown = || Error::invalid_data(format!("topic `{topic}` is not one of this connector's"));
        let keys = self.mappings.get(topic).ok_or_else(unknown)?;
        let write = keys.id.write(&keys.table, record, || {
            let document = document::of(record, keys.additions())?;
            Ok(match (document, &keys.include_attributes) {
                (Document::AsItWas, None) => Write::forward(&keys.table, record),
                (Document::AsItWas, Some(include)) => {
                    Write::insert_bytes(&keys.table, include.add(record.bytes(), record)?)
                }
                (Document::Made(json), None) => Write::insert_bytes(&keys.table, json),
                (Document::Made(json), Some(include)) => Write::insert_bytes(&keys.table, include.add(&json, record)?),
            })
        })?;
        Ok(write.into())
    }
}

impl OwnKeys {
    fn additions(&self) -> Additions {
        Additions {
            metadata: self.include_danube_metadata,
            timestamp: self.storage_mode == StorageMode::TimeSeries,
        }
    }

    fn needs_publish_time(&self) -> bool {
        self.include_danube_metadata || self.storage_mode == StorageMode::TimeSeries || self.id.is_set()
    }
}

export_sink!(DocumentSink);
