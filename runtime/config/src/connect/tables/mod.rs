//! Every table and key of Danube Connect's files, and what becomes of it. The files are read by these declarations, and
//! the reference page is generated from them.

mod deltalake;
mod mqtt;
mod qdrant;
mod sink;
mod source;

pub(super) use deltalake::{DELTALAKE, DELTALAKE_ROUTES, FIELD_MAPPINGS};
pub(super) use mqtt::{BROKER_PORT, INCLUDE_METADATA, MQTT, MQTT_ROUTES};
pub(super) use qdrant::{QDRANT, QDRANT_ROUTES};
pub(super) use sink::{NOT_IN_ROUTES, SURREALDB, SURREALDB_ROUTES, TOPIC_MAPPINGS};
pub(super) use source::{AUTH, ENDPOINTS, SERVER, WEBHOOK};

use super::keys::{
    Effect::{Never, Removed},
    How::{self, Integer, Path, Same, Separate, Url},
    OldKey, OldTable,
};

/// All tables, in the order of the reference page.
pub(super) const TABLES: [&OldTable; 18] = [
    &TOP,
    &PROCESSING,
    &RETRY,
    &SCHEMAS,
    &SERVER,
    &WEBHOOK,
    &ENDPOINTS,
    &AUTH,
    &MQTT,
    &MQTT_ROUTES,
    &SURREALDB,
    &TOPIC_MAPPINGS,
    &SURREALDB_ROUTES,
    &QDRANT,
    &QDRANT_ROUTES,
    &DELTALAKE,
    &DELTALAKE_ROUTES,
    &FIELD_MAPPINGS,
];

pub(super) static TOP: OldTable = OldTable::one(
    &[""],
    "",
    "One connector: a webhook source, an MQTT source, a SurrealDB sink, a Qdrant sink or a Delta Lake sink.",
    &[
        OldKey::new(&["danube_service_url"], "danube_service_url", Url)
            .variable("DANUBE_SERVICE_URL")
            .required("\"http://danube-broker:6650\""),
        CONNECTOR_NAME,
        OldKey::new(&["processing"], "", Separate),
        OldKey::new(&["retry"], "", Separate),
        OldKey::ignored(&["metrics_port"], Never, "write it in [processing]"),
        OldKey::new(&["schemas"], "schemas", Separate),
        OldKey::new(&["server"], "sources.webhook", Separate),
        OldKey::new(&["webhook"], "sources.webhook", Separate),
        OldKey::new(&["endpoints"], "sources.webhook.endpoints", Separate),
        OldKey::new(&["routes"], "sources.webhook.endpoints", Separate),
        OldKey::new(&["auth"], "sources.webhook.endpoints.auth", Separate).note("Of every endpoint."),
        RATE_LIMIT,
        OldKey::new(&["surrealdb"], "sinks.surrealdb", Separate),
        OldKey::new(&["mqtt"], "sources.mqtt", Separate),
        OldKey::new(&["qdrant"], "sinks.qdrant", Separate),
        OldKey::new(&["deltalake"], "sinks.delta", Separate),
    ],
);

/// Separate, because it does not move to the table that the top level becomes.
pub(super) const CONNECTOR_NAME: OldKey = OldKey::new(&["connector_name"], "sources.name", Same)
    .variable("CONNECTOR_NAME")
    .required("\"webhook-source\"")
    .note("Of a sink, `sinks.name`.");

/// Rate limits, which Danube Connect never enforced, of a source and of an endpoint.
const RATE_LIMIT: OldKey = OldKey::ignored(
    &["rate_limit"],
    Never,
    "in a pipeline file, give endpoints `rate_limit = { requests_per_sec = 100, burst = 200 }` to turn away what is more",
);

pub(super) static PROCESSING: OldTable = OldTable::one(
    &["processing"],
    "",
    "The loop of a connector. Batches are those of a sink with `[[surrealdb.routes]]` or `[[qdrant.routes]]`, and of a Delta Lake sink where they are given; elsewhere they have no effect.",
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
            Removed,
            "remove it; nothing is polled, events are taken as they come",
        ),
        OldKey::ignored(&["log_level"], Never, "set RUST_LOG"),
        OldKey::ignored(&["health_check_interval_ms"], Removed, HEALTH),
        OldKey::ignored(&["health_check_failure_threshold"], Removed, HEALTH),
    ],
);

const HEALTH: &str = "remove it; connectors are watched all the time, and health is served on the metrics port";

/// Sizes and longest waits of batches, in every version.
const BATCH_SIZE: How = Integer(1..=10_000);
const BATCH_WAIT: How = Integer(1..=600_000);

pub(super) static RETRY: OldTable = OldTable::one(
    &["retry"],
    "",
    "When a sink gives up. Here none does: retries back off from 100 ms to 30 s until the target answers.",
    &[
        OldKey::ignored(&["max_retries"], Removed, RETRIES),
        OldKey::ignored(&["retry_backoff_ms"], Removed, RETRIES),
        OldKey::ignored(&["max_backoff_ms"], Removed, RETRIES),
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
