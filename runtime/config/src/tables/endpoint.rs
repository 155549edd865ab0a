//! The endpoints of an HTTP listener.

use std::num::NonZeroU32;

use danube_wasm_model::{OnFailure, OnInvalid, Route, TopicName};

use super::{
    auth::Auth,
    event_id::{EventId, EventIdKind},
    webhook::BODY_BYTES_MAX,
};
use crate::cross_checks::{PathUse, Published};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Flag, Integer, List, Parsed},
    values::{JsonPointer, UrlPath},
};

/// A path that events are posted to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The path, matched as it is.
    pub path: UrlPath,
    /// The topic that its records go to.
    pub topic: TopicName,
    /// Partitions of the topic; 0 for a topic without.
    pub partitions: u32,
    /// Whether the broker keeps each message until every subscription has acknowledged it.
    pub reliable_dispatch: bool,
    /// Whether records without a key keep the order of their events, too.
    pub ordered: bool,
    /// Where the body has the key that keeps records in order.
    pub key_pointer: Option<JsonPointer>,
    /// What becomes of bodies that are refused.
    pub on_invalid: OnInvalid,
    /// What its sender is told of an event that the component crashed on.
    pub on_failure: OnFailure,
    /// What a body must be.
    pub content_type: ContentType,
    /// HTTP methods that are taken; at least one.
    pub methods: Vec<Method>,
    /// Where the event's id comes from.
    pub event_id: EventId,
    /// What becomes of an event whose id came with another body before.
    pub on_id_reuse: OnIdReuse,
    /// How many requests it takes.
    pub rate_limit: Option<RateLimit>,
    /// Largest body in bytes; `None` for the listener's. See [`super::webhook::Webhook::body_bytes_max`].
    pub max_body_bytes: Option<usize>,
    /// Who may post.
    pub auth: Auth,
}

/// What becomes of an event whose id came with another body before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnIdReuse {
    /// It is taken for a retry: the sender is told 200, and what was published first stays.
    #[default]
    Accept,
    /// The sender is told: 409.
    Reject,
}

/// What a body must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentType {
    /// JSON, in a request that says so.
    #[default]
    Json,
    /// Anything.
    Any,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`, for subscription handshakes.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

impl Method {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// As HTTP spells it.
    pub fn as_str(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, method)| *method == self);
        named.map_or("", |(name, _)| name)
    }
}

/// How many requests an endpoint takes; more are answered 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// In the long run, each second.
    pub requests_per_sec: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

impl Endpoint {
    /// What its events become.
    pub fn route(&self) -> Route {
        Route {
            endpoint: self.path.as_str().to_owned(),
            topic: self.topic.clone(),
            partitions: self.partitions,
            reliable_dispatch: self.reliable_dispatch,
            ordered: self.ordered,
            on_invalid: self.on_invalid,
            on_failure: self.on_failure,
        }
    }

    /// What the component is told of it.
    pub(super) fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::json!({
            "path": self.path,
            "danube_topic": self.topic.as_str(),
            "partitions": self.partitions,
            "reliable_dispatch": self.reliable_dispatch,
            "content_type": if self.content_type == ContentType::Json { "json" } else { "any" },
            "methods": self.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>(),
        });
        if let Some(pointer) = &self.key_pointer {
            settings["key_pointer"] = pointer.as_str().into();
        }
        settings
    }
}

impl Section for Endpoint {
    const ABOUT: &'static str = "A path that events are posted to, and the topic that their records go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let path = t
            .field(
                "path",
                Parsed::<UrlPath>::new("a path"),
                "The path, matched as it is. Unique in its listener.",
            )
            .aliases(&["from"])
            .example("\"/webhooks/stripe/payments\"")
            .required();
        let topic = t
            .field(
                "danube_topic",
                Parsed::<TopicName>::new("a topic"),
                "The topic, `/namespace/name`. It is created if it is not there.",
            )
            .aliases(&["to"])
            .example("\"/stripe/payments\"")
            .required();
        let partitions = t
            .field(
                "partitions",
                Integer(0..=1024),
                "Partitions of the topic; 0 for a topic without.",
            )
            .or(0);
        let reliable_dispatch = t
            .field(
                "reliable_dispatch",
                Flag,
                "Keep each message until every subscription has acknowledged it. The embedded log always does.",
            )
            .or(true);
        let ordered = t
            .field(
                "ordered",
                Flag,
                "Keep the order of records without a key, too: their events stay on one lane. On a Danube cluster one message \
                 at a time is then under way to each partition.",
            )
            .or(false);
        let key_pointer = t
            .field(
                "key_pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where the body has the event's key, a string or a number. Events of one key keep their order: they stay on one \
                 lane, and the built-in component gives the key to their records.",
            )
            .example("\"/customer_id\"")
            .optional();
        let on_invalid = t
            .field(
                "on_invalid",
                Choice::of(&[("reject", OnInvalid::Reject), ("dead-letter", OnInvalid::DeadLetter)]),
                "What becomes of bodies that the schema or the component refuses. `dead-letter` answers 200 and keeps \
                 them, for senders that switch an endpoint off after refusals. This is also for records that the \
                 component made of a body and that the schema refuses, or the broker for their size.",
            )
            .or(OnInvalid::Reject);
        let on_failure = t
            .field(
                "on_failure",
                Choice::of(&[("reject", OnFailure::Reject), ("dead-letter", OnFailure::DeadLetter)]),
                "What a sender is told of an event that the component crashed on: it trapped, ran out of its budget, went \
                 over a limit or returned malformed output. A dead letter is kept either way, for `dlq replay`; if it \
                 cannot be written, the answer is 503. `reject` answers 500, so that most senders send again; \
                 `dead-letter` answers 200, for those that would switch the endpoint off or never send again.",
            )
            .or(OnFailure::Reject);
        let content_type = t
            .field(
                "content_type",
                Choice::of(&[("json", ContentType::Json), ("any", ContentType::Any)]),
                "What a body must be. With `json`, others are answered 400 or 415.",
            )
            .or(ContentType::Json);
        let methods = List {
            kind: Choice::of(Method::NAMES),
            len: 1..=5,
        };
        let methods = t
            .field(
                "methods",
                methods,
                "HTTP methods that are taken. Others are answered 405.",
            )
            .or(vec![Method::Post]);
        let event_id = t
            .field(
                "event_id",
                EventIdKind,
                "Where the sender put the event's id, so that its retry is the same event. `well-known` looks for the \
                 headers `Idempotency-Key`, `webhook-id` and `X-GitHub-Delivery`. An event without one gets an id when \
                 it arrives; with `minted`, all do.",
            )
            .example("{ header = \"Idempotency-Key\" }")
            .or(EventId::WellKnown);
        let on_id_reuse = t
            .field(
                "on_id_reuse",
                Choice::of(&[("accept", OnIdReuse::Accept), ("reject", OnIdReuse::Reject)]),
                "What becomes of an event whose id came with another body before: whatever it is, only the first is stored. \
                 `accept` answers 200, as to a retry; `reject` answers 409. `danube_wasm_event_ids_reused_total` counts both. \
                 The last 65,536 ids of the endpoint since its start are known.",
            )
            .or(OnIdReuse::Accept);
        let rate_limit = t.group("rate_limit").optional::<RateLimit>();
        let max_body_bytes = t
            .field(
                "max_body_bytes",
                Integer(1..=BODY_BYTES_MAX),
                "Largest body of this endpoint, in bytes.",
            )
            .example("65536")
            .defaults_to("the listener's");
        let auth = t.group("auth").optional::<Auth>();
        if content_type == ContentType::Any && matches!(event_id, EventId::Pointer(_)) {
            t.session().error(
                &t.span("event_id"),
                "the event's id cannot be found in a body that need not be JSON",
                "name a header, or write `content_type = \"json\"`",
            );
        }
        warn_of_loss(t, reliable_dispatch);
        if let Some(path) = path.clone() {
            PathUse::enter(t, path);
        }
        if let Some(topic) = topic.clone() {
            let fact = Published {
                topic,
                partitions,
                reliable_dispatch,
                ordered,
                keyed: key_pointer.is_some(),
                source: t.item(),
            };
            fact.enter(t);
        }
        Some(Self {
            path: path?,
            topic: topic?,
            partitions,
            reliable_dispatch,
            ordered,
            key_pointer,
            on_invalid,
            on_failure,
            content_type,
            methods,
            event_id,
            on_id_reuse,
            rate_limit,
            max_body_bytes,
            auth: auth.unwrap_or_default(),
        })
    }
}

/// What is published without reliable dispatch is not kept.
pub(crate) fn warn_of_loss(t: &Table<'_>, reliable_dispatch: bool) {
    if !reliable_dispatch {
        t.session().warning(
            &t.span("reliable_dispatch"),
            "on a Danube cluster, messages of this topic are lost when the broker stops",
            "write `reliable_dispatch = true`",
        );
    }
}

impl Section for RateLimit {
    const ABOUT: &'static str = "How many requests an endpoint takes. More are answered 429 with Retry-After.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let requests_per_sec = t
            .field(
                "requests_per_sec",
                Integer(1..=1_000_000),
                "Requests a second in the long run.",
            )
            .aliases(&["requests_per_second"])
            .example("100")
            .required();
        let burst = t
            .field("burst", Integer(1..=1_000_000), "Requests at once.")
            .aliases(&["burst_size"])
            .example("200")
            .defaults_to("as many as `requests_per_sec`");
        let requests_per_sec = NonZeroU32::new(requests_per_sec?)?;
        let burst = burst.and_then(NonZeroU32::new).unwrap_or(requests_per_sec);
        Some(Self {
            requests_per_sec,
            burst,
        })
    }
}
