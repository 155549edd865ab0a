//! `[[routes]]`, `[[endpoints]]` and `[[webhook.endpoints]]`.

use danube_wasm_model::{OnFailure, OnInvalid, TopicName};

use super::draft::Rows;
use crate::{
    cross_checks::{PathUse, Published},
    tables::{
        auth::Auth,
        endpoint::{ContentType, Endpoint, Method, OnIdReuse, warn_of_loss},
        event_id::EventId,
    },
};
use danube_wasm_settings::{
    Effect, Section, Table,
    kinds::{Flag, Integer, Parsed},
    values::UrlPath,
};

/// An endpoint, and its rows.
pub(super) struct ConnectEndpoint {
    pub(super) endpoint: Endpoint,
    pub(super) rows: Rows,
}

/// Help for a limit that Danube Connect never kept to.
pub(super) const RATE_LIMIT_HELP: &str = "in a pipeline file, give endpoints `rate_limit = { requests_per_sec = 100, \
    burst = 200 }` to turn away what is more";

impl Section for ConnectEndpoint {
    const ABOUT: &'static str = "A path that events are posted to, and the topic that their records go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let path = t
            .field("path", Parsed::<UrlPath>::new("a path"), "The path, matched as it is.")
            .aliases(&["from"])
            .example("\"/webhooks/stripe/payments\"")
            .required_written();
        let topic = t
            .field(
                "danube_topic",
                Parsed::<TopicName>::new("a topic"),
                "The topic, `/namespace/name`.",
            )
            .aliases(&["to"])
            .example("\"/stripe/payments\"")
            .required_written();
        let partitions = t
            .field(
                "partitions",
                Integer(0..=1024),
                "Partitions of the topic; 0 for a topic without.",
            )
            .or_written(0);
        let reliable_dispatch = t
            .field(
                "reliable_dispatch",
                Flag,
                "Keep each message until every subscription has acknowledged it.",
            )
            .or_written(false);
        t.inert("rate_limit", Effect::Never, RATE_LIMIT_HELP);
        warn_of_loss(t, reliable_dispatch.value);
        if let Some(path) = &path {
            PathUse::enter(t, path.value.clone());
        }
        if let Some(topic) = &topic {
            let fact = Published {
                topic: topic.value.clone(),
                partitions: partitions.value,
                reliable_dispatch: reliable_dispatch.value,
                ordered: false,
                keyed: false,
                source: t.item(),
            };
            fact.enter(t);
        }
        let (path, topic) = (path?, topic?);
        let mut rows = Rows::default();
        rows.push("path", path.toml);
        rows.push("danube_topic", topic.toml);
        rows.unless("0", "partitions", partitions.toml);
        rows.unless("true", "reliable_dispatch", reliable_dispatch.toml);
        let endpoint = Endpoint {
            path: path.value,
            topic: topic.value,
            partitions: partitions.value,
            reliable_dispatch: reliable_dispatch.value,
            ordered: false,
            key_pointer: None,
            on_invalid: OnInvalid::Reject,
            on_failure: OnFailure::Reject,
            content_type: ContentType::Json,
            methods: vec![Method::Post],
            event_id: EventId::WellKnown,
            on_id_reuse: OnIdReuse::Accept,
            rate_limit: None,
            max_body_bytes: None,
            auth: Auth::None,
        };
        Some(Self { endpoint, rows })
    }
}
