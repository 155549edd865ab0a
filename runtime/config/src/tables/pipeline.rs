//! The pipeline as a whole.

use std::path::PathBuf;

use danube_wasm_model::{ConnectorId, Route, TopicName};

use super::{
    danube::Danube,
    host::{Admin, Retention, Shutdown, Telemetry},
    schema::Schema,
    service_url::ServiceUrl,
    sink::Sink,
    source::Source,
};

/// A pipeline: what one file configures, or several together.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pipeline {
    /// Its name, unique in its tenant.
    pub name: String,
    /// Where it keeps its data, absolute.
    pub data_dir: PathBuf,
    /// The broker.
    pub service_url: ServiceUrl,
    /// How a Danube cluster is spoken to. Of no meaning with the embedded log.
    pub danube: Danube,
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
    /// The same connectors under another pipeline's name, which is a valid one: of a file that is applied to a process that
    /// runs under that name.
    pub fn rename(&mut self, name: &str) {
        let ids = self.sources.iter_mut().map(|source| &mut source.id);
        for id in ids.chain(self.sinks.iter_mut().map(|sink| &mut sink.id)) {
            if let Ok(renamed) = ConnectorId::try_new(name, id.connector()) {
                *id = renamed;
            }
        }
        name.clone_into(&mut self.name);
    }

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

    /// What its sources publish.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        self.sources.iter().flat_map(Source::routes)
    }

    /// All connectors, sources first.
    pub fn connectors(&self) -> impl Iterator<Item = &ConnectorId> {
        let sources = self.sources.iter().map(|source| &source.id);
        sources.chain(self.sinks.iter().map(|sink| &sink.id))
    }

    /// Where the buffers of connectors are, each in its [directory](ConnectorId::directory); absolute.
    pub fn spools_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }

    /// What a connector's component is configured with, as JSON text (`configuration.settings` of `wit/types.wit`).
    /// Never holds a secret of the host's.
    pub fn settings_json(&self, connector: &str) -> Option<String> {
        let source = self.source(connector).map(Source::settings_json);
        source.or_else(|| self.sink(connector).map(Sink::settings_json))
    }
}
