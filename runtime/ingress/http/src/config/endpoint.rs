//! The endpoints of an HTTP listener.

use danube_wasm_connector::{
    PathClaim,
    keys::{self, TopicKeys},
};
use danube_wasm_ingress_listener::{RateLimit, config::AuthConfig};
use danube_wasm_model::{OnFailure, OnInvalid, Route, TopicName};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Choice, Integer, List, Parsed},
    values::JsonPointer,
};
use http::Method;

use super::{
    Include, TopicRoute,
    content::{self, ContentKindsKind},
    event_id::EventIdKind,
    include,
    policy::PolicyConfig,
    route,
};
use crate::{ContentKinds, EventIdSource, IdReuse, MissingId, PathPattern, limits::BODY_BYTES_MAX};

/// The methods that an endpoint may accept. `GET` is for subscription handshakes; `HEAD` and `OPTIONS` are answered by the host.
static METHODS: &[(&str, Method)] = &[
    ("GET", Method::GET),
    ("POST", Method::POST),
    ("PUT", Method::PUT),
    ("PATCH", Method::PATCH),
    ("DELETE", Method::DELETE),
    ("HEAD", Method::HEAD),
    ("OPTIONS", Method::OPTIONS),
];

/// A path that events are posted to.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointConfig {
    /// The path, compared byte by byte, but for its parameters.
    pub path: PathPattern,
    /// The topic that its records go to; with `topic_route`, one of its topics.
    pub topic: TopicName,
    /// Which of several topics the built-in component chooses.
    pub topic_route: Option<TopicRoute>,
    /// Partitions of the topic; 0 for a topic without.
    pub partitions: u32,
    /// Whether the broker keeps each message until every subscription has acknowledged it.
    pub reliable_dispatch: bool,
    /// Whether records without a key also keep the order of their events.
    pub ordered: bool,
    /// Where to find the key in the body that keeps records in order.
    pub key_pointer: Option<JsonPointer>,
    /// What happens to refused bodies.
    pub on_invalid: OnInvalid,
    /// How the sender of an event that crashed the component is answered.
    pub on_failure: OnFailure,
    /// The kinds of bodies that are taken.
    pub content_type: ContentKinds,
    /// What the built-in component adds of a request.
    pub include: Option<Include>,
    /// Accepted HTTP methods; at least one.
    pub methods: Vec<Method>,
    /// Where the event's id comes from.
    pub event_id: EventIdSource,
    /// What happens to an event whose id an earlier event had with another body.
    pub on_id_reuse: IdReuse,
    /// What happens to an event without an id.
    pub on_missing_id: MissingId,
    /// The rate limit.
    pub rate_limit: Option<RateLimit>,
    /// Largest body in bytes; `None` for the listener's. See [`super::webhook::Webhook::body_bytes_max`].
    pub max_body_bytes: Option<usize>,
    /// Largest event of a body in bytes, if the file says. See [`super::webhook::Webhook::event_bytes_max`].
    pub max_event_bytes: Option<usize>,
    /// How senders authenticate.
    pub auth: AuthConfig,
    /// What it does beside making events of requests.
    pub policy: PolicyConfig,
}

impl EndpointConfig {
    /// The routes of its events: one for each topic.
    pub fn routes(&self) -> Vec<Route> {
        let route = |topic: &TopicName| Route {
            endpoint: self.path.as_str().to_owned(),
            topic: topic.clone(),
            partitions: self.partitions,
            reliable_dispatch: self.reliable_dispatch,
            ordered: self.ordered,
            on_invalid: self.on_invalid,
            on_failure: self.on_failure,
        };
        match &self.topic_route {
            Some(by_value) => by_value.topics().into_iter().map(route).collect(),
            None => vec![route(&self.topic)],
        }
    }

    /// What the component receives of it in its settings.
    pub(crate) fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::json!({
            "path": self.path,
            "danube_topic": self.topic.as_str(),
            "partitions": self.partitions,
            "reliable_dispatch": self.reliable_dispatch,
            "content_type": if self.content_type.are_json() { "json" } else { "any" },
            "methods": self.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>(),
        });
        if let Some(pointer) = &self.key_pointer {
            settings["key_pointer"] = pointer.as_str().into();
        }
        if let Some(route) = &self.topic_route {
            settings["route"] = route.settings();
        }
        if let Some(include) = &self.include {
            settings["include"] = include.settings();
        }
        settings
    }
}

impl Section for EndpointConfig {
    const ABOUT: &'static str = "A path that events are posted to, and the topic that their records go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let path = t
            .field(
                "path",
                Parsed::<PathPattern>::new("a path"),
                "The path, matched as it is. A part in braces, as in `/webhooks/{tenant}/orders`, stands for any one part, which \
                 `include` can give to records; an endpoint with just the path of a request comes before it. Unique in its \
                 listener.",
            )
            .aliases(&["from"])
            .example("\"/webhooks/stripe/payments\"")
            .required();
        let topic = TopicKeys::read_optional(t, "required without `route`");
        let topic_route = t.group("route").optional::<TopicRoute>();
        let key_pointer = t
            .field(
                "key_pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where the body has the event's key, a string or a number. Events of one key keep their order: they stay on one \
                 lane, and the built-in component gives the key to their records.",
            )
            .example("\"/customer_id\"")
            .optional();
        let on_invalid = keys::on_invalid(t);
        let on_failure = keys::on_failure(t);
        let content_type = content_type(t);
        let include = t.group("include").optional::<Include>();
        let mut methods = methods(t);
        let (event_id, on_id_reuse, on_missing_id) = event_ids(t);
        let rate_limit = t.group("rate_limit").optional::<RateLimit>();
        let max_body_bytes = t
            .field(
                "max_body_bytes",
                Integer(1..=BODY_BYTES_MAX),
                "Largest body of this endpoint, in bytes.",
            )
            .example("65536")
            .defaults_to("the listener's");
        let max_event_bytes = t
            .field(
                "max_event_bytes",
                Integer(1..=BODY_BYTES_MAX),
                "Largest event of a body, in bytes: each of a list, else all of it. Larger ones are answered 413, of a list 400. \
                 Records have at most 8388608 bytes: more is for components that make several records of an event.",
            )
            .example("65536")
            .defaults_to("`max_body_bytes`, at most `8388608`");
        let auth = t.group("auth").optional::<AuthConfig>().unwrap_or_default();
        let policy = PolicyConfig::read(t, &auth, &mut methods);
        let content_type = content_type.unwrap_or_else(|| content::kinds_of_sender(&auth));
        if !content_type.are_json() && matches!(event_id, EventIdSource::JsonPointer(_)) {
            t.session().error(
                &t.span("event_id"),
                "the event's id cannot be found in a body that need not be JSON",
                "name a header, or leave `any` and `text` out of `content_type`",
            );
        }
        if let Some(path) = &path {
            PathClaim::leave(t, "path", &path.shape());
            include::check(t, include.as_ref(), path);
        }
        include::refuse_token(t, include.as_ref(), &auth);
        warn_about_ids(t, &auth);
        let routed = topic_route.iter().flat_map(TopicRoute::topics);
        include::leave(t, include.as_ref(), topic.topic.iter().chain(routed));
        let main = route::leave_topics(t, topic.clone(), topic_route.as_ref(), key_pointer.is_some());
        Some(Self {
            path: path?,
            topic: main?,
            topic_route,
            partitions: topic.partitions,
            reliable_dispatch: topic.reliable_dispatch,
            ordered: topic.ordered,
            key_pointer,
            on_invalid,
            on_failure,
            content_type,
            include,
            methods,
            event_id,
            on_id_reuse,
            on_missing_id,
            rate_limit,
            max_body_bytes,
            max_event_bytes,
            auth,
            policy,
        })
    }
}

/// Warns if the sender's ids are in its bodies, and the file does not say so: a delivery that comes again is another event then.
fn warn_about_ids(t: &Table<'_>, auth: &AuthConfig) {
    let AuthConfig::Signature(signature) = auth else {
        return;
    };
    let pointer = signature.preset.and_then(|preset| preset.event_id);
    if let Some(pointer) = pointer.filter(|_| !t.given("event_id")) {
        t.session().warning(
            &t.span("auth"),
            "this sender's ids are in its bodies: what it sends again becomes a second event",
            format!("write `event_id = {{ pointer = \"{pointer}\" }}`, or `event_id = \"minted\"` if that is meant"),
        );
    }
}

/// The key `content_type`.
fn content_type(t: &mut Table<'_>) -> Option<ContentKinds> {
    t.field(
        "content_type",
        ContentKindsKind,
        "What a body may be, by its media type; a body without one is of the first kind. Others are answered 415. `json`: a \
         document. `json-list`: a document, but an array is a list of events. `ndjson`: events, one a line. `form`: \
         `application/x-www-form-urlencoded`, which becomes a JSON object of strings; one with the only field `payload`, as GitHub \
         and Slack send it, becomes the document in that field. `cloudevents`: CloudEvents 1.0, binary, structured and batched, \
         each of which becomes a JSON object as of the structured mode. `text`: text, CSV and XML in UTF-8, as it is. `any`: \
         anything, as bytes. The events of a list have ids of their own and are stored together or not at all; of a list of which \
         one is refused, nothing is, and the answer names those at fault.",
    )
    .example("[\"json\", \"form\"]")
    .defaults_to("`json`; with `auth` of GitHub or Slack, `[\"json\", \"form\"]`")
}

/// The key `methods`.
fn methods(t: &mut Table<'_>) -> Vec<Method> {
    let methods = List {
        kind: Choice::of(METHODS),
        len: 1..=7,
    };
    t.field(
        "methods",
        methods,
        "HTTP methods that are taken. Others are answered 405. `HEAD` and `OPTIONS` are answered without an event, for senders \
         that try a URL first.",
    )
    .or(vec![Method::POST])
}

/// The keys `event_id`, `on_id_reuse` and `on_missing_id`.
fn event_ids(t: &mut Table<'_>) -> (EventIdSource, IdReuse, MissingId) {
    let event_id = t
        .field(
            "event_id",
            EventIdKind,
            "Where the sender put the event's id, so that its retry is the same event. `well-known` looks for `Idempotency-Key`, \
             `webhook-id`, `ce-source` with `ce-id`, `svix-id`, `X-GitHub-Delivery`, `X-Shopify-Webhook-Id` and the like: \
             docs/sources/webhook.md has them all. Of a list of events, `pointer` leads into each; else an event's id is that of \
             its request and its place in it. An event without one gets an id when it arrives; with `minted`, all do.",
        )
        .example("{ header = \"Idempotency-Key\" }")
        .or(EventIdSource::WellKnown);
    let on_id_reuse = t
        .field(
            "on_id_reuse",
            Choice::of(&[("accept", IdReuse::Accept), ("reject", IdReuse::Reject)]),
            "What becomes of an event whose id came with another body before: whatever it is, only the first is stored. \
             `accept` answers 200, as to a retry; `reject` answers 409. `danube_wasm_event_ids_reused_total` counts both. \
             The last 65,536 ids of the endpoint since its start are known.",
        )
        .or(IdReuse::Accept);
    let on_missing_id = t
        .field(
            "on_missing_id",
            Choice::of(&[("mint", MissingId::Mint), ("reject", MissingId::Reject)]),
            "What becomes of an event whose sender gave no id where `event_id` looks for it. `mint` takes it with a new id, so \
             that its retry is another event and a second row; `reject` answers 400.",
        )
        .or(MissingId::Mint);
    if on_missing_id == MissingId::Reject && event_id == EventIdSource::Minted {
        t.session().error(
            &t.span("on_missing_id"),
            "no event has an id with `event_id = \"minted\"`, so all would be refused",
            "leave `on_missing_id` out, or say where the sender puts its ids",
        );
    }
    (event_id, on_id_reuse, on_missing_id)
}
