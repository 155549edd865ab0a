//! The pipeline as a whole.

use std::path::PathBuf;

use danube_wasm_model::{ConnectorId, Route, TopicName};

use super::{
    danube::Danube,
    host::{Admin, Retention, Shutdown, Telemetry},
    nats::Nats,
    schema::Schema,
    service_url::ServiceUrl,
    sink::Sink,
    source::Source,
};

/// Name of the file, beside the pipeline file, that says which components are approved.
pub const LOCK_FILE: &str = "danube-wasm.lock";

/// A pipeline: what one file configures, or several together.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pipeline {
    /// Name, unique in its tenant.
    pub name: String,
    /// Directory of the first file, absolute: where its lock is ([`LOCK_FILE`]).
    pub dir: PathBuf,
    /// Data directory, absolute.
    pub data_dir: PathBuf,
    /// The broker.
    pub service_url: ServiceUrl,
    /// How to connect to a Danube cluster. Not used with the embedded log.
    pub danube: Danube,
    /// How NATS is spoken to. Not used with other brokers.
    pub nats: Nats,
    /// Metrics and health.
    pub admin: Admin,
    /// Logs and traces.
    pub telemetry: Telemetry,
    /// Shutdown.
    pub shutdown: Shutdown,
    /// Retention of the embedded log.
    pub retention: Retention,
    /// Schemas; at most one for each topic.
    pub schemas: Vec<Schema>,
    /// Sources, with unique names.
    pub sources: Vec<Source>,
    /// Sinks, with unique names.
    pub sinks: Vec<Sink>,
}

impl Pipeline {
    /// Renames the pipeline and the ids of its connectors; `name` must be valid. For a file that is applied to a
    /// process that runs under that name.
    pub fn rename(&mut self, name: &str) {
        let ids = self.sources.iter_mut().map(|source| &mut source.id);
        for id in ids.chain(self.sinks.iter_mut().map(|sink| &mut sink.id)) {
            if let Ok(renamed) = ConnectorId::try_new(name, id.connector()) {
                *id = renamed;
            }
        }
        name.clone_into(&mut self.name);
    }

    /// Returns the schema that records of the topic must satisfy.
    pub fn schema_of(&self, topic: &TopicName) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.topic == *topic)
    }

    /// Returns the source with this name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.id.connector() == name)
    }

    /// Returns the sink with this name.
    pub fn sink(&self, name: &str) -> Option<&Sink> {
        self.sinks.iter().find(|sink| sink.id.connector() == name)
    }

    /// Returns the routes of all sources.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        self.sources.iter().flat_map(Source::routes)
    }

    /// Returns all connectors, sources first.
    pub fn connectors(&self) -> impl Iterator<Item = &ConnectorId> {
        let sources = self.sources.iter().map(|source| &source.id);
        sources.chain(self.sinks.iter().map(|sink| &sink.id))
    }

    /// Returns the absolute directory of the connectors' buffers, each in its own [directory](ConnectorId::directory).
    pub fn spools_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }

    /// Returns the directory for what connectors must remember, if the broker is not a log in this process; absolute.
    pub fn notebooks_dir(&self) -> PathBuf {
        self.data_dir.join("notebook")
    }

    /// Returns the settings of a connector's component, as JSON text (`configuration.settings` of `wit/types.wit`).
    /// Never contains a secret of the host's.
    pub fn settings_json(&self, connector: &str) -> Option<String> {
        let source = self.source(connector).map(Source::settings_json);
        source.or_else(|| self.sink(connector).map(Sink::settings_json))
    }
}
