//! What is subscribed to, and where it goes.

use danube_wasm_connector::keys::{self, TopicKeys};
use danube_wasm_model::{OnFailure, Route};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Integer, Parsed},
    values::JsonPointer,
};

use super::kinds::{EventIdKind, KeyKind};
use crate::{EventIdSource, filter::TopicFilter};

/// From a topic filter to a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteConfig {
    /// What is subscribed to.
    pub filter: TopicFilter,
    /// Where its records go.
    pub route: Route,
    /// How messages are delivered: 0, 1 or 2.
    pub qos: u8,
    /// Whether messages that were retained before are taken.
    pub takes_retained: bool,
    /// What keeps records in order.
    pub key: KeySource,
    /// Where an event's id comes from.
    pub event_id: EventIdSource,
}

/// Where the key of an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Events have none.
    None,
    /// The message's topic.
    Topic,
    /// A level of the topic, counted from 1; the topic if it has fewer.
    Level(usize),
    /// A string or whole number in the payload; the topic if there is none.
    Pointer(JsonPointer),
}

impl RouteConfig {
    /// What the component is told of it.
    pub(crate) fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "path": self.filter.as_str(),
            "danube_topic": self.route.topic.as_str(),
            "partitions": self.route.partitions,
            "reliable_dispatch": self.route.reliable_dispatch,
            "qos": self.qos,
        })
    }
}

impl Section for RouteConfig {
    const ABOUT: &'static str =
        "What is subscribed to, and where it goes. A message belongs to the first route that is for its topic.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let filter = t
            .field(
                "filter",
                Parsed::<TopicFilter>::new("a topic filter"),
                "The topics, with `+` for a level and `#` for all levels from here on. `$share/GROUP/FILTER` shares the \
                 messages with the other clients that subscribe to it.",
            )
            .aliases(&["from", "mqtt_topic"])
            .example("\"sensors/+/temperature\"")
            .required();
        let topic = TopicKeys::read(t);
        let qos = t
            .field(
                "qos",
                Integer(0..=2),
                "How messages are delivered. With 0 the broker does not send again what was lost on the way. 1 and 2 are both \
                 one row for each message here; 1 costs half.",
            )
            .or(1);
        let takes_retained = t
            .field(
                "retained",
                Choice::of(&[("take", true), ("skip", false)]),
                "What becomes of messages that the broker retained before: old news, which it sends when the subscription is \
                 made. They have the attribute `mqtt.retain = \"true\"`.",
            )
            .or(true);
        let key = t
            .field(
                "key",
                KeyKind,
                "The key of an event, which keeps records in order: the topic; one of its levels, from 1; a string or whole number in \
                 the payload, and the topic where there is none.",
            )
            .or(KeySource::Topic);
        let event_id = t
            .field(
                "event_id",
                EventIdKind,
                "Where the publisher put the event's id, so that what it publishes twice is one event: a user property or the \
                 correlation data of version 5, or a string or whole number in the payload. A message without one gets an id when \
                 it comes, which it keeps when the broker sends it again, also after a crash.",
            )
            .example("{ property = \"id\" }")
            .or(EventIdSource::Minted);
        let on_invalid = keys::on_invalid_of_upstream(t);
        topic.leave(t, key != KeySource::None);
        let filter = filter?;
        let route = topic.route(filter.as_str(), on_invalid, OnFailure::DeadLetter)?;
        Some(Self {
            filter,
            route,
            qos,
            takes_retained,
            key,
            event_id,
        })
    }
}
