//! The settings of one file.
//!
//! A pipeline may be written in several files: each is read to a [`Part`], and [`crate::assemble`] merges them. So a
//! setting of the pipeline as a whole also records whether the file gave it, and what depends on the settings of
//! another file (the ids of connectors, the directory of the log) is completed after merging.

use crate::cross_checks::CrossChecks;
use std::path::{Path, PathBuf};

use danube_wasm_model::connector_id;

use crate::tables::{
    danube::DanubeTable,
    host::{AdminTable, Retention, Shutdown, Telemetry},
    nats::NatsTable,
    schema::Schema,
    service_url::{ServiceUrl, ServiceUrlKind},
    sink::Sink,
    source::Source,
};
use danube_wasm_settings::{
    Section, Span, Table,
    kinds::{Name, Text},
};

/// The settings of one file.
#[derive(Debug)]
pub(crate) struct Part {
    /// Name of the pipeline.
    pub(crate) name: Setting<String>,
    /// Data directory.
    pub(crate) data_dir: Setting<PathBuf>,
    /// The broker; without one, the log in the data directory.
    pub(crate) service_url: Setting<Option<ServiceUrl>>,
    /// `[danube]`.
    pub(crate) danube: Setting<DanubeTable>,
    /// `[nats]`.
    pub(crate) nats: Setting<NatsTable>,
    /// `[admin]`.
    pub(crate) admin: Setting<AdminTable>,
    /// `[telemetry]`.
    pub(crate) telemetry: Setting<Telemetry>,
    /// `[shutdown]`.
    pub(crate) shutdown: Setting<Shutdown>,
    /// `[retention]`.
    pub(crate) retention: Setting<Retention>,
    /// Schemas.
    pub(crate) schemas: Vec<Schema>,
    /// Sources.
    pub(crate) sources: Vec<Source>,
    /// Sinks.
    pub(crate) sinks: Vec<Sink>,
    /// Whether the file has a connector, valid or not.
    pub(crate) has_connectors: bool,
}

/// A setting that at most one file may give.
#[derive(Debug)]
pub(crate) struct Setting<T> {
    /// The file's value, or the default. `None` if the file's value is invalid.
    pub(crate) value: Option<T>,
    /// Place of the value in the file.
    pub(crate) given: Option<Span>,
}

impl<T> Setting<T> {
    /// The setting with the value that was read for the key `key` of the table.
    pub(crate) fn new(t: &Table<'_>, key: &str, value: Option<T>) -> Self {
        let given = t.given_at(key);
        Self { value, given }
    }
}

impl Setting<String> {
    /// Reads the key `name` of a pipeline.
    pub(crate) fn name(t: &mut Table<'_>) -> Self {
        let name = t
            .field(
                "name",
                Name("pipeline"),
                "Name of the pipeline, in metrics, logs and record ids.",
            )
            .example("\"stripe-payments\"")
            .defaults_to("the name of the file's directory");
        let name = name.unwrap_or_else(|| name_from(t.session().dir()));
        Self::new(t, "name", Some(name))
    }
}

impl Section for Part {
    const ABOUT: &'static str = "What concerns the pipeline as a whole.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let name = Setting::name(t);
        if let Some(name) = &name.value {
            t.session().facts::<CrossChecks>().pipeline.clone_from(name);
        }
        let data_dir = t
            .field(
                "data_dir",
                Text,
                "Directory for everything that the pipeline keeps on this machine.",
            )
            .example("\"data\"")
            .defaults_to("what `DANUBE_WASM_DATA_DIR` says, else `data`");
        let data_dir = match data_dir {
            Some(data_dir) => t.session().resolve(&data_dir),
            None => t.session().default_data_dir(),
        };
        let data_dir = Setting::new(t, "data_dir", Some(data_dir));
        let service_url = service_url(t);
        let danube = group::<DanubeTable>(t, "danube");
        let nats = group::<NatsTable>(t, "nats");
        let admin = group::<AdminTable>(t, "admin");
        let telemetry = group::<Telemetry>(t, "telemetry");
        let shutdown = group::<Shutdown>(t, "shutdown");
        let retention = group::<Retention>(t, "retention");
        let schemas = t.group("schemas").each::<Schema>();
        let sources = t.group("sources").each::<Source>();
        let sinks = t.group("sinks").each::<Sink>();
        for (key, instead) in MOVED {
            t.moved(key, instead);
        }
        Some(Self {
            name,
            data_dir,
            service_url,
            danube,
            nats,
            admin,
            telemetry,
            shutdown,
            retention,
            schemas,
            sources,
            sinks,
            has_connectors: t.has_items("sources") || t.has_items("sinks"),
        })
    }
}

fn group<T: Section>(t: &mut Table<'_>, key: &'static str) -> Setting<T> {
    let value = t.group(key).or_default::<T>();
    Setting::new(t, key, value)
}

/// Tables and keys of Danube Connect's files, each with its new place.
const MOVED: [(&str, &str); 11] = [
    (
        "connector_name",
        "name each connector in its own table: `name` in [[sources]] or [[sinks]]",
    ),
    ("webhook", "put it under a [[sources]] table, as [sources.webhook]"),
    ("server", "put it under a [[sources]] table, as [sources.webhook]"),
    (
        "endpoints",
        "put them under a [[sources]] table, as [[sources.webhook.endpoints]]",
    ),
    (
        "routes",
        "put them under a [[sources]] or [[sinks]] table, as [[sources.webhook.endpoints]] or \
         [[sinks.surrealdb.topic_mappings]]",
    ),
    (
        "auth",
        "give each endpoint its own, as `auth = { … }` in [[sources.webhook.endpoints]]",
    ),
    (
        "rate_limit",
        "give each endpoint its own, as `rate_limit = { … }` in [[sources.webhook.endpoints]]",
    ),
    ("surrealdb", "put it under a [[sinks]] table, as [sinks.surrealdb]"),
    (
        "retry",
        "remove it: retries back off from 100 ms to 30 s until the target answers",
    ),
    (
        "processing",
        "remove it: batches are set by [sources.batch] and in [[sinks.surrealdb.topic_mappings]], metrics by [admin]",
    ),
    ("metrics_port", "write `port` in [admin]"),
];

/// Derives a valid name from the directory, so that a copied example has a name of its own.
pub(crate) fn name_from(dir: &Path) -> String {
    let dir = dir.file_name().unwrap_or_default().to_string_lossy();
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') {
            c
        } else {
            '-'
        }
    };
    let name: String = dir
        .chars()
        .map(legal)
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(64)
        .collect();
    if connector_id::check("pipeline", &name).is_ok() {
        name
    } else {
        "pipeline".to_owned()
    }
}

/// Reads the broker's URL by either of its names.
fn service_url(t: &mut Table<'_>) -> Setting<Option<ServiceUrl>> {
    let named = t
        .field(
            "danube_service_url",
            ServiceUrlKind,
            "The broker. `embedded://DIR` is a durable log in this process; `http://HOST:PORT` or `https://HOST:PORT` \
             is a Danube cluster, `nats://HOST:PORT` or `tls://HOST:PORT` is NATS JetStream, of which several may be \
             named, in a list or with commas between. See [brokers.md](brokers.md).",
        )
        .example("\"embedded://data/log\"")
        .defaults_to("`embedded://` and the directory `log` in `data_dir`");
    let neutral = t
        .field(
            "broker_url",
            ServiceUrlKind,
            "Another spelling of `danube_service_url`.",
        )
        .example("\"nats://nats-1:4222\"")
        .optional();
    if t.given("broker_url") && t.given("danube_service_url") {
        let span = t.span("broker_url");
        let message = "`broker_url` and `danube_service_url` are the same key";
        t.session().error(&span, message, "keep one of the two");
    }
    match t.given("broker_url") {
        true => Setting::new(t, "broker_url", Some(neutral)),
        false => Setting::new(t, "danube_service_url", Some(named)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_name_becomes_a_valid_name() {
        for (dir, expected) in [
            ("/srv/stripe-payments", "stripe-payments"),
            ("/srv/.hidden dir", "hidden-dir"),
            ("/srv/日本", "pipeline"),
            ("/", "pipeline"),
        ] {
            assert_eq!(name_from(Path::new(dir)), expected);
        }
    }
}
