//! Every table and key of Danube Connect's files, and what becomes of it: the files are read by these declarations, and
//! the reference page is written from them.

mod sink;
mod source;

pub(super) use sink::{NOT_IN_ROUTES, SURREALDB, SURREALDB_ROUTES, TOPIC_MAPPINGS};
pub(super) use source::{AUTH, ENDPOINTS, SERVER, WEBHOOK};

use super::keys::{
    Effect::{Gone, Never},
    How::{self, Apart, Integer, Path, Same, Url},
    OldKey, OldTable,
};

/// All of them, in the order of the reference page.
pub(super) const TABLES: [&OldTable; 11] = [
    &TOP,
    &PROCESSING,
    &RETRY,
    &SCHEMAS,
    &SERVER,
    &WEBHOOK,
    &ENDPOINTS,
    &AUTH,
    &SURREALDB,
    &TOPIC_MAPPINGS,
    &SURREALDB_ROUTES,
];

/// Connectors of Danube Connect that have no counterpart here, by the table that tells them.
pub(super) const OTHERS: [(&str, &str); 3] = [
    ("mqtt", "an MQTT source"),
    ("qdrant", "a Qdrant sink"),
    ("deltalake", "a Delta Lake sink"),
];

pub(super) static TOP: OldTable = OldTable::one(
    &[""],
    "",
    "One connector: a webhook source or a SurrealDB sink.",
    &[
        OldKey::new(&["danube_service_url"], "danube_service_url", Url)
            .variable("DANUBE_SERVICE_URL")
            .required("\"http://danube-broker:6650\""),
        CONNECTOR_NAME,
        OldKey::new(&["processing"], "", Apart),
        OldKey::new(&["retry"], "", Apart),
        OldKey::ignored(&["metrics_port"], Never, "write it in [processing]"),
        OldKey::new(&["schemas"], "schemas", Apart),
        OldKey::new(&["server"], "sources.webhook", Apart),
        OldKey::new(&["webhook"], "sources.webhook", Apart),
        OldKey::new(&["endpoints"], "sources.webhook.endpoints", Apart),
        OldKey::new(&["routes"], "sources.webhook.endpoints", Apart),
        OldKey::new(&["auth"], "sources.webhook.endpoints.auth", Apart).note("Of every endpoint."),
        RATE_LIMIT,
        OldKey::new(&["surrealdb"], "sinks.surrealdb", Apart),
        OldKey::ignored(&["mqtt"], Gone, OTHER),
        OldKey::ignored(&["qdrant"], Gone, OTHER),
        OldKey::ignored(&["deltalake"], Gone, OTHER),
    ],
);

/// Not of the table that is made of the top level.
pub(super) const CONNECTOR_NAME: OldKey = OldKey::new(&["connector_name"], "sources.name", Same)
    .variable("CONNECTOR_NAME")
    .required("\"webhook-source\"")
    .note("Of a sink, `sinks.name`.");

const OTHER: &str = "keep that connector where it runs now";

/// What Danube Connect never kept to, of a source as a whole and of an endpoint.
const RATE_LIMIT: OldKey = OldKey::ignored(
    &["rate_limit"],
    Never,
    "in a pipeline file, give endpoints `rate_limit = { requests_per_sec = 100, burst = 200 }` to turn away what is more",
);

pub(super) static PROCESSING: OldTable = OldTable::one(
    &["processing"],
    "",
    "The loop of a connector. Batches are those of a sink with `[[surrealdb.routes]]`; elsewhere they have no effect.",
    &[
        OldKey::new(&["batch_size"], "sinks.surrealdb.topic_mappings.batch_size", BATCH_SIZE)
            .default("1000")
            .note("Of every mapping."),
        OldKey::new(
            &["batch_timeout_ms"],
            "sinks.surrealdb.topic_mappings.flush_interval_ms",
            BATCH_WAIT,
        )
        .default("1000")
        .note("Of every mapping."),
        OldKey::new(&["metrics_port"], "admin.port", Integer(0..=65535))
            .default("9090")
            .note("`admin.host` is `\"0.0.0.0\"`: everyone who can reach this machine is served."),
        OldKey::ignored(
            &["poll_interval_ms"],
            Gone,
            "remove it; nothing is polled, events are taken as they come",
        ),
        OldKey::ignored(&["log_level"], Never, "set RUST_LOG"),
        OldKey::ignored(&["health_check_interval_ms"], Gone, HEALTH),
        OldKey::ignored(&["health_check_failure_threshold"], Gone, HEALTH),
    ],
);

const HEALTH: &str = "remove it; connectors are watched all the time, and health is served on the metrics port";

/// Sizes of batches, and waits for them, of every version.
const BATCH_SIZE: How = Integer(1..=10_000);
const BATCH_WAIT: How = Integer(1..=600_000);

pub(super) static RETRY: OldTable = OldTable::one(
    &["retry"],
    "",
    "When a sink gives up. Here none does: retries back off from 100 ms to 30 s until the target answers.",
    &[
        OldKey::ignored(&["max_retries"], Gone, RETRIES),
        OldKey::ignored(&["retry_backoff_ms"], Gone, RETRIES),
        OldKey::ignored(&["max_backoff_ms"], Gone, RETRIES),
        OldKey::ignored(&["initial_interval_ms"], Never, RETRIES),
        OldKey::ignored(&["max_interval_ms"], Never, RETRIES),
    ],
);

const RETRIES: &str = "remove it; retries back off from 100 ms to 30 s until the target answers";

pub(super) static SCHEMAS: OldTable = OldTable::many(
    &["schemas"],
    "schemas",
    "The schema of a topic.",
    &[
        OldKey::same(&["topic"]),
        OldKey::same(&["subject"]),
        OldKey::same(&["schema_type"])
            .note("Danube Connect published any JSON with `avro` and `string`; see [schemas](#schemas)."),
        OldKey::new(&["schema_file"], "schema_file", Path),
        OldKey::same(&["message"]),
        OldKey::same(&["auto_register"]),
        OldKey::same(&["version_strategy"]),
    ],
);
