//! What a sink consumes and where it goes.

use danube_wasm_connector::keys::{DocumentId, IncludeAttributes, MappingKeys};
use danube_wasm_model::{BatchPolicy, Mapping, door::ConsumerConfig};
use danube_wasm_settings::{
    Section, Span, Table,
    kinds::{FreeTable, List, Name},
    nearest_among,
};
use serde_json::{Map, Value};

use crate::BATCH_WISH;

/// A topic, a subscription of it, and the endpoints that its messages are sent to.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicMapping {
    /// The topic and the subscription, which holds the position.
    pub consumer: ConsumerConfig,
    /// When a batch is full, and what becomes of a message that cannot be processed.
    pub batch: BatchPolicy,
    /// The endpoint, for a component that sends to one.
    pub endpoint: Option<String>,
    /// More endpoints that a component may choose from.
    pub endpoints: Vec<String>,
    /// Where a message has the id of its document.
    pub id: DocumentId,
    /// Attributes of a message that the built-in component adds.
    pub include_attributes: Option<IncludeAttributes>,
    /// What is sent instead of the message.
    pub body: Option<Map<String, Value>>,
}

impl TopicMapping {
    /// The same as the pipeline knows it.
    pub fn mapping(&self) -> Mapping {
        Mapping {
            consumer: self.consumer.clone(),
            batch: self.batch,
            targets: self.targets().map(str::to_owned).collect(),
        }
    }

    /// Every endpoint that the component may send to; at least one.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.endpoint.iter().chain(&self.endpoints).map(String::as_str)
    }

    /// What the component is told of it.
    pub(crate) fn settings(&self) -> Value {
        let mut settings = self.id.settings(&self.consumer);
        if let Some(endpoint) = &self.endpoint {
            settings["endpoint"] = endpoint.as_str().into();
        }
        if !self.endpoints.is_empty() {
            settings["endpoints"] = self.endpoints.clone().into();
        }
        if let Some(body) = &self.body {
            settings["body"] = body.clone().into();
        }
        if let Some(include) = &self.include_attributes {
            settings["include_attributes"] = include.settings();
        }
        settings
    }
}

impl Section for TopicMapping {
    const ABOUT: &'static str = "A topic that the sink consumes, and the endpoint that its messages are sent to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (keys, (endpoint, endpoints)) = MappingKeys::read(t, BATCH_WISH.into(), named);
        let id = DocumentId::read(
            t,
            "Where a message has the id of its document. Then each message is an upsert of that document (PUT, unless the \
                 endpoint has a `method`), and its id stands where the URL has `{id}`; without, each is an insert (POST) of a \
                 document of its own.",
        );
        let body = t
            .field(
                "body",
                FreeTable,
                "What `builtin:http-sink` sends instead of the message, as a table. Texts in it may have JSON pointers into the \
                 message in braces: `\"{/amount}\"` alone is the value as it is, in a longer text it is written out; `{{` stands \
                 for a brace. A message in which a pointer leads nowhere is refused.",
            )
            .example("{ text = \"Order {/id} of {/customer/name}\", amount = \"{/amount}\" }")
            .optional();
        let include_attributes = IncludeAttributes::read(t, &keys);
        keys.leave(t, id.span(t));
        Some(Self {
            consumer: keys.consumer?,
            batch: BatchPolicy {
                schema_types: false,
                ..keys.batch
            },
            endpoint,
            endpoints,
            id,
            include_attributes,
            body: body.map(|body| body.values),
        })
    }
}

/// The keys `endpoint` and `endpoints`.
fn named(t: &mut Table<'_>) -> (Option<String>, Vec<String>) {
    let endpoint = t
        .field(
            "endpoint",
            Name("endpoint"),
            "The endpoint, by its name. A sink sends to the endpoints of its mappings and to no other: a component's write to \
             another one is refused, and its message becomes a dead letter.",
        )
        .aliases(&["to"])
        .example("\"orders\"")
        .optional();
    let endpoints = t
        .field(
            "endpoints",
            List {
                kind: Name("endpoint"),
                len: 1..=256,
            },
            "Endpoints that the component may choose from, besides `endpoint` or instead of it. `builtin:http-sink` does not \
             choose: it sends to `endpoint`.",
        )
        .example("[\"orders\", \"audit\"]")
        .or(Vec::new());
    if !t.given("endpoint") && !t.given("endpoints") && t.session().manual().is_none() {
        t.session().error(
            &t.span("endpoint"),
            format!("{} needs `endpoint`", t.header()),
            "write `endpoint = \"NAME\"`, or `endpoints = [\"NAME\", …]` for a component that chooses",
        );
    }
    let item = t.item();
    let with_span = |key: &'static str, name: &String| (t.span(key), item.clone(), name.clone());
    let names = endpoint.iter().map(|name| with_span("endpoint", name));
    let names = names.chain(endpoints.iter().map(|name| with_span("endpoints", name)));
    t.session().facts::<EndpointNames>().named.extend(names);
    (endpoint, endpoints)
}

/// The names of endpoints: those that sinks have, and those that their mappings name, each with where and in which sink.
#[derive(Default)]
pub(super) struct EndpointNames {
    declared: Vec<(Span, String, String)>,
    named: Vec<(Span, String, String)>,
}

impl EndpointNames {
    /// An endpoint of this sink has this name, also if it is wrong elsewhere.
    pub(super) fn declare(t: &Table<'_>, name: &str) {
        let declared = (t.span("name"), t.item(), name.to_owned());
        t.session().facts::<Self>().declared.push(declared);
    }

    /// That each name is of one endpoint, and that mappings name those of their sink.
    pub(super) fn compare(t: &Table<'_>) {
        let item = t.item();
        let left = std::mem::take(&mut *t.session().facts::<Self>());
        let is_own = |(_, of, _): &&(Span, String, String)| *of == item;
        let known: Vec<_> = left
            .declared
            .iter()
            .filter(is_own)
            .map(|(_, _, name)| name.as_str())
            .collect();
        for (place, (span, _, name)) in left.declared.iter().filter(is_own).enumerate() {
            if known[..place].contains(&name.as_str()) {
                let help = "give each a name of its own: mappings and components choose endpoints by name";
                t.session()
                    .error(span, format!("another endpoint has the name `{name}`"), help);
            }
        }
        for (span, _, name) in left.named.iter().filter(is_own) {
            if !known.contains(&name.as_str()) {
                let help = match nearest_among(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add an endpoint of that name under `[[sinks.http.endpoints]]`".to_owned(),
                };
                t.session()
                    .error(span, format!("this sink has no endpoint `{name}`"), help);
            }
        }
    }
}
