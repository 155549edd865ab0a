//! Tables of a SurrealDB sink.

use super::{
    super::keys::{
        Effect::Never,
        How::{Same, Secret, Secs, Table, Text, Url},
        OldKey, OldTable,
    },
    BATCH_SIZE, BATCH_WAIT,
};

pub(in super::super) static SURREALDB: OldTable = OldTable {
    path: "surrealdb",
    repeated: false,
    about: "The SurrealDB database that the sink writes to. Servers are of version 3.",
    becomes: "sinks.surrealdb",
    keys: &[
        OldKey::new(&["url"], "url", Url)
            .variable("SURREALDB_URL")
            .required("\"surrealdb:8000\""),
        OldKey::new(&["namespace"], "namespace", Same).required("\"default\""),
        OldKey::new(&["database"], "database", Same).required("\"default\""),
        OldKey::new(&["username"], "username", Text)
            .example("\"root\"")
            .variable("SURREALDB_USERNAME")
            .note("A user of the server; without effect if there is no password."),
        OldKey::new(&["password"], "password", Secret)
            .example("\"secret\"")
            .variable("SURREALDB_PASSWORD")
            .note("Without effect if there is no user."),
        OldKey::new(&["connection_timeout_secs"], "connect_timeout_ms", Secs(1..=600))
            .default("30")
            .note("Danube Connect never used it."),
        OldKey::new(&["request_timeout_secs"], "request_timeout_ms", Secs(1..=600))
            .default("30")
            .note("Danube Connect never used it."),
        OldKey::new(&["batch_size"], "topic_mappings.batch_size", BATCH_SIZE)
            .default("100")
            .note("Of mappings that do not say it. Without effect with `routes`, where `[processing]` says it."),
        OldKey::new(&["flush_interval_ms"], "topic_mappings.flush_interval_ms", BATCH_WAIT)
            .default("1000")
            .note("Likewise."),
        OldKey::new(&["topic_mappings"], "topic_mappings", Table),
        OldKey::new(&["routes"], "topic_mappings", Table),
    ],
};

pub(in super::super) static TOPIC_MAPPINGS: OldTable = OldTable {
    path: "surrealdb.topic_mappings",
    repeated: true,
    about: "A topic that the sink consumes, and the table that its messages go to (version 0.2).",
    becomes: "sinks.surrealdb.topic_mappings",
    keys: &[
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
};

pub(in super::super) static SURREALDB_ROUTES: OldTable = OldTable {
    path: "surrealdb.routes",
    repeated: true,
    about: "A topic that the sink consumes, and the table that its messages go to (version 0.3).",
    becomes: "sinks.surrealdb.topic_mappings",
    keys: &[
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
};

/// Help for batches where routes are, or beside them.
pub(in super::super) const NOT_IN_ROUTES: &str = "write `batch_size` and `batch_timeout_ms` in [processing]";

const TOPIC: OldKey = OldKey::new(&["topic", "from"], "topic", Same).required("\"/stripe/payments\"");
const SUBSCRIPTION: OldKey = OldKey::new(&["subscription"], "subscription", Same).required("\"surrealdb-payments\"");
const SUBSCRIPTION_TYPE: OldKey = OldKey::new(&["subscription_type"], "subscription_type", Same);
const TABLE_NAME: OldKey = OldKey::new(&["table_name", "table", "to"], "table", Same).required("\"stripe_payments\"");
const SUBJECT: OldKey = OldKey::new(&["expected_schema_subject"], "expected_schema_subject", Same);
const METADATA: OldKey = OldKey::new(&["include_danube_metadata"], "include_danube_metadata", Same);
const STORAGE_MODE: OldKey = OldKey::new(&["storage_mode"], "storage_mode", Same);
const SCHEMA_TYPE: OldKey = OldKey::ignored(&["schema_type"], Never, "remove it; messages name their schema");
