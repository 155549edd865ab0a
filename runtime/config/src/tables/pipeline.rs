//! The file as a whole.

use std::path::{Path, PathBuf};

use danube_wasm_model::{ConnectorId, TopicName, connector_id};

use super::{
    host::{Admin, Retention, Shutdown, Telemetry},
    schema::Schema,
    service_url::{ServiceUrl, ServiceUrlKind},
    sink::Sink,
    source::Source,
};
use crate::reader::{
    Section, Table,
    kinds::{Name, Text},
};

/// A pipeline: what one file configures.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pipeline {
    /// Its name, unique in its tenant.
    pub name: String,
    /// Where it keeps its data, absolute.
    pub data_dir: PathBuf,
    /// The broker.
    pub service_url: ServiceUrl,
    /// Metrics and health.
    pub admin: Admin,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// How it stops.
    pub shutdown: Shutdown,
    /// What the embedded log keeps.
    pub retention: Retention,
    /// Schemas of topics; at most one for each.
    pub schemas: Vec<Schema>,
    /// Sources, with names of their own.
    pub sources: Vec<Source>,
    /// Sinks, with names of their own.
    pub sinks: Vec<Sink>,
}

impl Pipeline {
    /// The schema that records for a topic must satisfy.
    pub fn schema_of(&self, topic: &TopicName) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.topic == *topic)
    }

    /// The source with this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.id.connector() == name)
    }

    /// The sink with this name.
    pub fn sink(&self, name: &str) -> Option<&Sink> {
        self.sinks.iter().find(|sink| sink.id.connector() == name)
    }

    /// All connectors, sources first.
    pub fn connectors(&self) -> impl Iterator<Item = &ConnectorId> {
        let sources = self.sources.iter().map(|source| &source.id);
        sources.chain(self.sinks.iter().map(|sink| &sink.id))
    }

    /// What a connector's component is configured with, as JSON text (`configuration.settings` of `wit/types.wit`).
    /// Never holds a secret of the host's.
    pub fn settings_json(&self, connector: &str) -> Option<String> {
        let source = self.source(connector).map(Source::settings_json);
        source.or_else(|| self.sink(connector).map(Sink::settings_json))
    }
}

impl Section for Pipeline {
    const ABOUT: &'static str = "What concerns the pipeline as a whole.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let name = t
            .field(
                "name",
                Name("pipeline"),
                "Name of the pipeline, in metrics, logs and record ids.",
            )
            .example("\"stripe-payments\"")
            .defaults_to("the name of the file's directory")
            .unwrap_or_else(|| name_from(t.session().dir()));
        t.session().ledger.borrow_mut().pipeline.clone_from(&name);
        let data_dir = t
            .field(
                "data_dir",
                Text,
                "Directory for everything that the pipeline keeps on this machine.",
            )
            .or("data".to_owned());
        let data_dir = t.session().resolve(&data_dir);
        let service_url = t
            .field(
                "danube_service_url",
                ServiceUrlKind,
                "The broker. `embedded://DIR` is a durable log in this process.",
            )
            .example("\"embedded://data/log\"")
            .defaults_to("`embedded://` and the directory `log` in `data_dir`")
            .unwrap_or_else(|| ServiceUrl::Embedded {
                dir: data_dir.join("log"),
            });
        let admin = t.group("admin").or_default::<Admin>();
        let telemetry = t.group("telemetry").or_default::<Telemetry>();
        let shutdown = t.group("shutdown").or_default::<Shutdown>();
        let retention = t.group("retention").or_default::<Retention>();
        let schemas = t.group("schemas").each::<Schema>();
        let sources = t.group("sources").each::<Source>();
        let sinks = t.group("sinks").each::<Sink>();
        for (key, instead) in MOVED {
            t.moved(key, instead);
        }
        if !t.has_items("sources") && !t.has_items("sinks") {
            t.session().error(
                t.own_place(),
                "the file configures no source and no sink: there is nothing to run",
                "add a [[sources]] or a [[sinks]] table",
            );
        }
        Some(Self {
            name,
            data_dir,
            service_url,
            admin: admin?,
            telemetry: telemetry?,
            shutdown: shutdown?,
            retention: retention?,
            schemas,
            sources,
            sinks,
        })
    }
}

/// Tables and keys of files that were written for one connector in a process of its own.
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

/// A legal name from the directory's, so that a copied example has one of its own.
fn name_from(dir: &Path) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_a_legal_name() {
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
