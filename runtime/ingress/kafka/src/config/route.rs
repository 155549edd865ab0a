//! What is read, and where it goes.

use danube_wasm_connector::keys::{self, TopicKeys};
use danube_wasm_model::{OnFailure, Route};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Parsed},
};

use super::kinds::EventIdKind;
use crate::topic_pattern::TopicPattern;

/// From topics of Kafka to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteConfig {
    /// What is read.
    pub from: TopicPattern,
    /// Where its records go.
    pub route: Route,
    /// What a record's key is.
    pub key: KeyFormat,
    /// What a record's value is.
    pub value: ValueFormat,
    /// Where an event's id comes from.
    pub event_id: EventIdSource,
    /// What orders the records of a key.
    pub order: OrderSource,
}

/// What a record's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Anything.
    Bytes,
    /// Behind the id of a schema in the registry.
    Registry,
}

/// What a record's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueFormat {
    /// Anything.
    Bytes,
    /// JSON.
    Json,
    /// Behind the id of a schema in a registry.
    Registry,
    /// Protobuf, behind the id of a schema and the place of the message in it.
    RegistryProtobuf,
}

/// Where the id of an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventIdSource {
    /// The record's place.
    Offset,
    /// A header; the record's place where there is none.
    Header(String),
}

/// What orders the records of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSource {
    /// The record's offset.
    Offset,
    /// When it was published here.
    Publish,
}

impl RouteConfig {
    /// What the component is told of it.
    pub(crate) fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "path": self.from.as_str(),
            "danube_topic": self.route.topic.as_str(),
            "partitions": self.route.partitions,
            "reliable_dispatch": self.route.reliable_dispatch,
        })
    }
}

impl Section for RouteConfig {
    const ABOUT: &'static str = "What is read, and where it goes. A topic belongs to the route that names it, else to the first whose pattern it matches.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let from = t
            .field(
                "topic",
                Parsed::<TopicPattern>::new("a topic of Kafka"),
                "A topic of Kafka, or a pattern of topics in which `*` stands for anything. A pattern matches no topic that begins with `__`.",
            )
            .aliases(&["from", "kafka_topic"])
            .example("\"orders\"")
            .required();
        let topic = TopicKeys::read(t);
        let value = t
            .field(
                "value",
                Choice::of(&[
                    ("bytes", ValueFormat::Bytes),
                    ("json", ValueFormat::Json),
                    ("registry", ValueFormat::Registry),
                    ("registry-protobuf", ValueFormat::RegistryProtobuf),
                ]),
                "What a record's value is. `json` says so to components and sinks. `registry` has a schema registry's five bytes before \
                 it, with the schema's id, which becomes the attribute `kafka.schema-id`. With `schema_registry` it is decoded to JSON by \
                 that schema; without, the five bytes are taken off and the rest is left as it is, and `registry-protobuf` then also \
                 takes off the message's place in its schema, which becomes `kafka.message-index`. A value without them, or that does \
                 not fit its schema, is refused: see `on_invalid`.",
            )
            .or(ValueFormat::Bytes);
        let key = t
            .field(
                "key",
                Choice::of(&[("bytes", KeyFormat::Bytes), ("registry", KeyFormat::Registry)]),
                "What a record's key is. `registry` is decoded as a value is, with `schema_registry`: text without quotes, anything else as \
                 JSON; its schema's id becomes `kafka.key-schema-id`.",
            )
            .or(KeyFormat::Bytes);
        let event_id = t
            .field(
                "event_id",
                EventIdKind,
                "Where the event's id is: the record's partition and offset, or a header that its producer gives it, such as `ce_id`, so \
                 that what it produces twice is one event. A record without the header has its offset for an id.",
            )
            .example("{ header = \"ce_id\" }")
            .or(EventIdSource::Offset);
        let order = t
            .field(
                "order",
                Choice::of(&[("offset", OrderSource::Offset), ("publish", OrderSource::Publish)]),
                "What decides between writes of one document: the offset, which is right as long as a key stays in its partition; or when \
                 the record was published here, for keys that more than one partition or topic has.",
            )
            .or(OrderSource::Offset);
        let on_invalid = keys::on_invalid_of_upstream(t);
        topic.leave(t, true);
        let from = from?;
        let route = topic.route(from.as_str(), on_invalid, OnFailure::DeadLetter)?;
        Some(Self {
            from,
            route,
            key,
            value,
            event_id,
            order,
        })
    }
}
