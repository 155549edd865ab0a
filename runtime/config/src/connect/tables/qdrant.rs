//! Tables of a Qdrant sink.

use super::super::keys::{
    Effect::Never,
    How::{Same, Secret, Secs, Separate, Url},
    OldKey, OldTable,
};
use super::NOT_IN_ROUTES;

pub(in super::super) static QDRANT: OldTable = OldTable::one(
    &["qdrant"],
    "sinks.qdrant",
    "The Qdrant server that the sink writes to. Danube Connect did not wait for it: what it refused was acknowledged and lost, and \
     an older message overwrote a newer one.",
    &[
        OldKey::new(&["url"], "url", Url)
            .variable("QDRANT_URL")
            .required("\"http://qdrant:6334\""),
        OldKey::new(&["api_key"], "api_key", Secret)
            .example("\"secret\"")
            .variable("QDRANT_API_KEY"),
        OldKey::new(&["timeout_secs"], "request_timeout_ms", Secs).default("30"),
        OldKey::new(&["routes"], "topic_mappings", Separate),
        OldKey::ignored(&["batch_size"], Never, NOT_IN_ROUTES),
        OldKey::ignored(&["batch_timeout_ms"], Never, NOT_IN_ROUTES),
    ],
);

pub(in super::super) static QDRANT_ROUTES: OldTable = OldTable::many(
    &["qdrant.routes"],
    "sinks.qdrant.topic_mappings",
    "A topic that the sink consumes, and the collection that its messages, `{ id?, vector, payload? }`, go to. The same points are met: \
     `ids` is `\"danube-connect\"`, `payload_pointer` `\"/payload\"` and `flat_payload` true.",
    &[
        OldKey::new(&["from"], "topic", Same).required("\"/default/embeddings\""),
        OldKey::same(&["subscription"]).required("\"qdrant-articles\""),
        OldKey::same(&["subscription_type"]).default("\"Exclusive\""),
        OldKey::new(&["to"], "collection", Same).required("\"articles\""),
        OldKey::same(&["vector_dimension"]).required("384"),
        OldKey::same(&["distance"]),
        OldKey::new(&["auto_create_collection"], "create", Separate)
            .note("`true` is `\"if-missing\"`, `false` is `\"never\"`."),
        OldKey::same(&["include_danube_metadata"])
            .note("As `_danube_topic`, `_danube_timestamp`, `_danube_producer`; attributes are not stored."),
        OldKey::same(&["expected_schema_subject"]),
    ],
);
