//! One endpoint, several topics.

use std::collections::BTreeMap;

use danube_wasm_connector::keys::TopicKeys;
use danube_wasm_model::TopicName;
use danube_wasm_settings::{
    Kind, Section, Table, ValueRef,
    kinds::Parsed,
    values::{HeaderName, JsonPointer},
};
use serde_json::{Value, json};
use toml::de::DeValue;

/// The table `route`: which topic the built-in component sends an event to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicRoute {
    /// Where the event says what it is.
    pub by: RouteBy,
    /// The topic of each value; [`OTHERS`] is any other, and an event without one.
    pub topics: BTreeMap<String, TopicName>,
}

/// Where an event says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteBy {
    /// In a header.
    Header(HeaderName),
    /// In its document: a string, a number or a boolean.
    Pointer(JsonPointer),
}

/// Stands for every value that has no topic of its own.
pub const OTHERS: &str = "*";

/// Most topics of an endpoint: a component may name no more.
const TOPICS_MAX: usize = 256;

impl TopicRoute {
    /// What the component is told of it.
    pub(super) fn settings(&self) -> Value {
        let topics: BTreeMap<_, _> = self
            .topics
            .iter()
            .map(|(value, topic)| (value, topic.as_str()))
            .collect();
        match &self.by {
            RouteBy::Header(name) => json!({ "header": name.as_str(), "topics": topics }),
            RouteBy::Pointer(pointer) => json!({ "pointer": pointer, "topics": topics }),
        }
    }

    /// Each topic, once.
    pub(super) fn topics(&self) -> Vec<&TopicName> {
        let mut topics: Vec<_> = self.topics.values().collect();
        topics.sort_unstable_by_key(|topic| topic.as_str());
        topics.dedup();
        topics
    }

    /// The topic of what has none of its own, else the first.
    pub(super) fn main_topic(&self) -> Option<&TopicName> {
        self.topics.get(OTHERS).or_else(|| self.topics.values().next())
    }
}

impl Section for TopicRoute {
    const ABOUT: &'static str = "Which of several topics `builtin:webhook-source` sends a record to, instead of `danube_topic`: by a \
        header or a value of the document. An event of a value that has no topic is refused, unless `\"*\"` has one.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let header = t
            .field(
                "header",
                Parsed::<HeaderName>::new("the name of a header"),
                "The header that says what an event is. Of CloudEvents also one such as `ce-type`, in every mode.",
            )
            .example("\"x-github-event\"")
            .optional();
        let pointer = t
            .field(
                "pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where in the document an event says what it is, instead of a header: a string, a number or a boolean.",
            )
            .example("\"/type\"")
            .optional();
        let topics = t
            .field(
                "topics",
                TopicsByValue,
                "The topic of each value, compared letter by letter. `\"*\"` is that of all others, also of an event that does not \
                 say.",
            )
            .example("{ push = \"/github/push\", \"*\" = \"/github/other\" }")
            .required();
        let by = match (header, pointer) {
            (Some(header), None) => Some(RouteBy::Header(header)),
            (None, Some(pointer)) => Some(RouteBy::Pointer(pointer)),
            (header, _) => {
                if t.session().manual().is_none() && t.given("header") == t.given("pointer") {
                    let key = if header.is_some() { "pointer" } else { "topics" };
                    t.session().error(
                        &t.span(key),
                        "a route is by one thing, and either `header` or `pointer` says by which",
                        "keep one of the two",
                    );
                }
                None
            }
        };
        Some(Self {
            by: by?,
            topics: topics?,
        })
    }
}

/// Records the topics of an endpoint, and returns the main one: `danube_topic`, or that of its route.
pub(super) fn leave_topics(
    t: &Table<'_>,
    keys: TopicKeys,
    route: Option<&TopicRoute>,
    keyed: bool,
) -> Option<TopicName> {
    let Some(route) = route else {
        if !t.given("danube_topic") && !t.given("route") && t.session().manual().is_none() {
            let message = format!("{} needs `danube_topic`", t.header());
            let help = "write for example `danube_topic = \"/stripe/payments\"`";
            t.session().error(&t.span("danube_topic"), message, help);
        }
        keys.leave(t, keyed);
        return keys.topic;
    };
    if t.given("danube_topic") {
        t.session().error(
            &t.span("danube_topic"),
            "`route` says which topics the records go to, so `danube_topic` says nothing",
            "leave `danube_topic` out; write `\"*\" = \"…\"` in the `topics` of the route for all others",
        );
    }
    for topic in route.topics() {
        let keys = TopicKeys {
            topic: Some(topic.clone()),
            ..keys.clone()
        };
        keys.leave(t, keyed);
    }
    route.main_topic().cloned()
}

/// A table of topics.
struct TopicsByValue;

impl Kind for TopicsByValue {
    type Value = BTreeMap<String, TopicName>;

    fn what(&self) -> String {
        "a table of topics".to_owned()
    }

    fn show(&self, topics: &Self::Value) -> String {
        let topic = |(value, topic): (&String, &TopicName)| format!("\"{value}\" = \"{topic}\"");
        format!("{{ {} }}", topics.iter().map(topic).collect::<Vec<_>>().join(", "))
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Self::Value> {
        let DeValue::Table(entries) = input.value else {
            return input.refuse_type(&self.what());
        };
        if !(1..=TOPICS_MAX).contains(&entries.len()) {
            return input.refuse(format!("`{}` must have 1 to {TOPICS_MAX} topics", input.name()));
        }
        let topic = Parsed::<TopicName>::new("a topic");
        // All are read, so that all errors are reported.
        let read = entries.iter().map(|(value, written)| {
            let member = input.member(value.get_ref(), written);
            Some((value.get_ref().to_string(), topic.read(&member)?))
        });
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }
}
