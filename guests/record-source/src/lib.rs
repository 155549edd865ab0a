//! Events become records as they are: for every source whose events need no other shape.
//!
//! Each event goes to the topic of its endpoint, as the source's table maps it: a topic of another broker, a table, a path.
//! Its payload is not changed, and does not cross the sandbox again.
//!
//! Keys of `config`, all optional; others are refused:
//!
//! * `key_pointer`: a JSON pointer (RFC 6901) into the payload. The string or number that it points at becomes the record's
//!   routing key. Where it points at nothing of the kind, or the payload is not JSON, the key is the one that the source gave, as
//!   without the setting. Events are handed out by the key that the source gave, or by its stream. Records keep the order of their
//!   keys where a source keeps the order of its streams; where it shares out a stream by key, let it find the key itself.
//! * `id_pointer`: as `key_pointer`, for the event id, of which the record's id is made. It must name the event, not the thing
//!   that the event is about: two events of one id and endpoint become one row. 1 to 256 bytes without control characters; an event
//!   in which it points at another text is refused.
//! * `include_metadata` (default true): adds what the source knows of the event (`mqtt.topic`, `kafka.offset`), under the source's
//!   names, and its media type as `content-type`, if it has one.
//! * `include_headers` (default true): adds the headers that its sender set (Kafka's headers, MQTT's user properties), under their
//!   own names. Of a name that comes twice the first is added.
//! * `attributes`: a table of attributes to add to each record, such as `site = "berlin"`.
//!
//! Of one name, `attributes` wins over what the source knows, and that over headers: no sender can pass its header off as either.
//!
//! An endpoint may have a `key_pointer` and an `id_pointer` of its own, where the source's table offers them. They win.

mod settings;

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use danube_connector::{
    Column, Config, Error, Event, Pointer, ProducerConfig, Records, Result, Scalar, SourceConnector, SourceRecord,
    export_source,
};
use settings::{Pointers, RecordConfig, Settings};

/// The connector.
#[derive(Debug)]
pub struct RecordSource {
    config: RecordConfig,
    producer_configs: Vec<ProducerConfig>,
    routes: BTreeMap<String, Route>,
}

/// What the events of an endpoint become.
#[derive(Debug)]
struct Route {
    topic: String,
    pointers: Pointers,
}

impl SourceConnector for RecordSource {
    fn initialize(config: Config) -> Result<Self> {
        let settings: Settings = config.settings()?;
        let producer_configs = settings.producer_configs()?;
        let config = settings.config;
        let endpoints = settings.endpoints.into_iter();
        let routes = endpoints.map(|endpoint| {
            let route = Route {
                topic: endpoint.danube_topic,
                pointers: endpoint.more.or(&config.pointers),
            };
            (endpoint.path, route)
        });
        Ok(Self {
            routes: routes.collect(),
            producer_configs,
            config,
        })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(self.producer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        let mut wants = vec![Column::Keys];
        if self.config.include_metadata {
            wants.extend([Column::Attributes, Column::ContentTypes]);
        }
        if self.config.include_headers {
            wants.push(Column::Headers);
        }
        wants
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let endpoint = event.endpoint();
        let unknown = || Error::invalid_data(format!("endpoint `{endpoint}` is not one of this connector's"));
        let Route { topic, pointers } = self.routes.get(endpoint).ok_or_else(unknown)?;
        let mut record = SourceRecord::forward(topic, event);
        if let Some(key) = found(pointers.key_pointer.as_ref(), event) {
            record = record.with_key(key);
        } else if let Some(key) = event.key() {
            record = record.with_key(key);
        }
        if let Some(id) = found(pointers.id_pointer.as_ref(), event) {
            record = record.with_id(id);
        }
        Ok(record.with_attributes(self.attributes(event)).into())
    }
}

impl RecordSource {
    /// What is added to the record of an event, each name once.
    fn attributes<'a>(&'a self, event: Event<'a>) -> BTreeMap<&'a str, &'a str> {
        let configured = self.config.attributes.iter();
        let mut attributes: BTreeMap<_, _> = configured.map(|(name, value)| (&**name, &**value)).collect();
        // Columns that were not asked for are empty.
        let content_type = Some(event.content_type()).filter(|text| !text.is_empty());
        let content_type = content_type.map(|text| ("content-type", text));
        for (name, value) in event.attributes().chain(content_type).chain(event.headers()) {
            if let Entry::Vacant(free) = attributes.entry(name) {
                free.insert(value);
            }
        }
        attributes
    }
}

/// The string or number that is there; an empty string is none.
fn found<'a>(pointer: Option<&Pointer>, event: Event<'a>) -> Option<Cow<'a, str>> {
    let text = match pointer?.find(event.payload()).ok()?? {
        Scalar::String(text) => text,
        Scalar::Number(digits) => digits.into(),
        Scalar::Other(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

export_source!(RecordSource);
