//! Sinks: what writes messages to a target.

use danube_wasm_model::{ConnectorId, Mapping};
use serde_json::Value;

use super::{
    buffer::{SinkBuffer, SinkBufferTable},
    component::{Component, ComponentKind, Role},
    component_config::{self, ComponentConfig},
    dead_letters::MaxDeadLetters,
    limits::Limits,
    mapping::TopicMapping,
    source::{connector_id, enter_buffer, lanes},
    surrealdb::SurrealDb,
};
use danube_wasm_settings::{Section, Table};

/// A sink connector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sink {
    /// Who it is.
    pub id: ConnectorId,
    /// What turns messages into writes.
    pub component: Component,
    /// How many instances work beside each other, 1 to [`super::source::LANES_MAX`].
    pub lanes: usize,
    /// Where its writes go.
    pub surrealdb: SurrealDb,
    /// Where messages wait for a target that is away; always `None` with the embedded log, which needs none.
    pub buffer: Option<SinkBuffer>,
    /// How many dead letters it may make.
    pub max_dead_letters: MaxDeadLetters,
    /// What its component may use.
    pub limits: Limits,
    /// What its component is given besides the mappings.
    pub config: ComponentConfig,
}

/// Lanes of a sink, where the file does not say.
pub(crate) const SINK_LANES: usize = 2;

impl Sink {
    /// What it consumes, and where that goes.
    pub fn mappings(&self) -> Vec<Mapping> {
        self.surrealdb
            .topic_mappings
            .iter()
            .map(TopicMapping::mapping)
            .collect()
    }

    /// See [`super::pipeline::Pipeline::settings_json`].
    pub fn settings_json(&self) -> String {
        component_config::settings("topic_mappings", &self.mapping_settings(), &self.config.values)
    }

    /// The same as it may be kept: see [`component_config::resolve`].
    pub fn settings_kept(&self) -> String {
        component_config::settings("topic_mappings", &self.mapping_settings(), &self.config.written)
    }

    fn mapping_settings(&self) -> Vec<Value> {
        let mappings = self.surrealdb.topic_mappings.iter();
        mappings.map(|mapping| mapping.settings()).collect()
    }
}

/// The component of the binary writes each topic to one table.
fn check_tables(t: &Table<'_>, surrealdb: &SurrealDb) {
    for mapping in &surrealdb.topic_mappings {
        if mapping.table.is_none() && !mapping.tables.is_empty() {
            t.session().error(
                &t.span("component"),
                format!(
                    "`builtin:surrealdb-sink` writes to `table`, and the mapping of {} has only `tables`",
                    mapping.topic
                ),
                "write `table = \"NAME\"`, or name a component that chooses between `tables`",
            );
        }
    }
}

impl Section for Sink {
    const ABOUT: &'static str = "A sink connector: consumes topics and writes to a target.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let id = connector_id(t, "\"surrealdb\"");
        let component = t
            .field(
                "component",
                ComponentKind(Role::Sink),
                "The component that turns messages into writes.",
            )
            .example("\"builtin:surrealdb-sink\"")
            .required();
        // One prepares its batch while the other writes.
        let lanes = lanes(
            t,
            SINK_LANES,
            "How many instances of the component work beside each other. Messages of one key stay on one lane, where the \
             subscription keeps their order.",
        );
        let surrealdb = t.group("surrealdb").required::<SurrealDb>();
        if let (Some(Component::Builtin(_)), Some(surrealdb)) = (&component, &surrealdb) {
            check_tables(t, surrealdb);
        }
        let buffer = t
            .group("buffer")
            .optional::<SinkBufferTable>()
            .and_then(|table| table.0);
        enter_buffer(t, buffer.is_some());
        let max_dead_letters = t.group("max_dead_letters").or_default::<MaxDeadLetters>();
        let limits = t.group("limits").or_default::<Limits>();
        let config = ComponentConfig::read(t);
        Some(Self {
            id: id?,
            component: component?,
            lanes,
            surrealdb: surrealdb?,
            buffer,
            max_dead_letters: max_dead_letters?,
            limits: limits?,
            config,
        })
    }
}
