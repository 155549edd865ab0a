//! Tables of a SurrealDB sink.

use super::{
    super::keys::{
        Effect::Never,
        How::{Same, Secret, Secs, Separate, Text, Url},
        OldKey, OldTable,
    },
    BATCH_SIZE, BATCH_WAIT,
};

pub(in super::super) static SURREALDB: OldTable = OldTable::one(
    &["surrealdb"],
    "sinks.surrealdb",
    "The SurrealDB database that the sink writes to. Servers are of version 3.",
    &[
        OldKey::new(&["url"], "url", Url)
            .variable("SURREALDB_URL")
            .required("\"surrealdb:8000\""),
        OldKey::same(&["namespace"]).required("\"default\""),
        OldKey::same(&["database"]).required("\"default\""),
        OldKey::new(&["username"], "username", Text)
            .example("\"root\"")
            .variable("SURREALDB_USERNAME")
            .note("A user of the server; without effect if there is no password."),
        OldKey::new(&["password"], "password", Secret)
            .example("\"secret\"")
            .variable("SURREALDB_PASSWORD")
            .note("Without effect if there is no user."),
        OldKey::new(&["connection_timeout_secs"], "connect_timeout_ms", Secs)
            .default("30")
            .note("Danube Connect never used it."),
        OldKey::new(&["request_timeout_secs"], "request_timeout_ms", Secs)
            .default("30")
            .note("Danube Connect never used it."),
        OldKey::new(&["batch_size"], "topic_mappings.batch_size", BATCH_SIZE)
            .default("100")
            .note("Of mappings that do not say it. Without effect with `routes`, where `[processing]` says it."),
        OldKey::new(&["flush_interval_ms"], "topic_mappings.flush_interval_ms", BATCH_WAIT)
            .default("1000")
            .note("Likewise."),
        OldKey::new(&["topic_mappings"], "topic_mappings", Separate),
        OldKey::new(&["routes"], "topic_mappings", Separate),
    ],
);

pub(in super::super) static TOPIC_MAPPINGS: OldTable = OldTable::many(
    &["surrealdb.topic_mappings"],
    "sinks.surrealdb.topic_mappings",
    "A topic that the sink consumes, and the table that its messages go to (version 0.2).",
    &[
        TOPIC,
        SUBSCRIPTION,
        SUBSCRIPTION_TYPE,
        TABLE_NAME,
        SUBJECT,
        METADATA,
        STORAGE_MODE,
        SCHEMA_TYPE,
        OldKey::new(&["batch_size"], "batch_size", BATCH_SIZE)
            .example("100")
            .note("Without it, that of `[surrealdb]`."),
        OldKey::new(&["flush_interval_ms"], "flush_interval_ms", BATCH_WAIT)
            .example("1000")
            .note("Likewise."),
    ],
);

pub(in super::super) static SURREALDB_ROUTES: OldTable = OldTable::many(
    &["surrealdb.routes"],
    "sinks.surrealdb.topic_mappings",
    "A topic that the sink consumes, and the table that its messages go to (version 0.3).",
    &[
        TOPIC,
        SUBSCRIPTION,
        SUBSCRIPTION_TYPE,
        TABLE_NAME,
        SUBJECT,
        METADATA,
        STORAGE_MODE,
        SCHEMA_TYPE,
        OldKey::ignored(&["batch_size"], Never, NOT_IN_ROUTES),
        OldKey::ignored(&["flush_interval_ms"], Never, NOT_IN_ROUTES),
    ],
);

/// Help for batch keys in a file with routes.
pub(in super::super) const NOT_IN_ROUTES: &str = "write `batch_size` and `batch_timeout_ms` in [processing]";

const TOPIC: OldKey = OldKey::new(&["topic", "from"], "topic", Same).required("\"/stripe/payments\"");
const SUBSCRIPTION: OldKey = OldKey::same(&["subscription"]).required("\"surrealdb-payments\"");
const SUBSCRIPTION_TYPE: OldKey = OldKey::same(&["subscription_type"]);
const TABLE_NAME: OldKey = OldKey::new(&["table_name", "table", "to"], "table", Same).required("\"stripe_payments\"");
const SUBJECT: OldKey = OldKey::same(&["expected_schema_subject"]);
const METADATA: OldKey = OldKey::same(&["include_danube_metadata"]);
const STORAGE_MODE: OldKey = OldKey::same(&["storage_mode"]);
const SCHEMA_TYPE: OldKey = OldKey::ignored(&["schema_type"], Never, "remove it; messages name their schema");
