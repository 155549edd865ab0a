//! Sinks, which write messages to a target.

use danube_wasm_connector::{Registry, Role, SinkConfig};
use danube_wasm_grants::Grants;
use danube_wasm_model::{ConnectorId, Mapping};
use danube_wasm_settings::{Section, Table};

use super::{
    buffer::{SinkBuffer, SinkBufferTable},
    component::{Component, ComponentKind},
    component_config::{self, ComponentConfig},
    dead_letters::MaxDeadLetters,
    kind,
    limits::Limits,
    source::{connector_id, lanes, record_buffer},
};

/// A sink connector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sink {
    /// Id.
    pub id: ConnectorId,
    /// The component that turns messages into writes.
    pub component: Component,
    /// Number of concurrent instances, 1 to [`super::source::LANES_MAX`].
    pub lanes: usize,
    /// The kind of the sink, with its configuration.
    pub connector: SinkConfig,
    /// Buffer for when the target is unavailable; always `None` with the embedded log, which needs none.
    pub buffer: Option<SinkBuffer>,
    /// Limit of its dead letters.
    pub max_dead_letters: MaxDeadLetters,
    /// Limits of its component.
    pub limits: Limits,
    /// What its component is granted.
    pub grants: Grants,
    /// The component's own settings.
    pub config: ComponentConfig,
}

/// Default number of lanes of a sink.
pub(crate) const SINK_LANES: usize = 2;

impl Sink {
    /// Returns the topics that it consumes, and their targets.
    pub fn mappings(&self) -> Vec<Mapping> {
        self.connector.mappings()
    }

    /// Returns the component's settings: see [`super::pipeline::Pipeline::settings_json`].
    pub fn settings_json(&self) -> String {
        component_config::settings(self.connector.guest_settings(), &self.config.values)
    }

    /// Returns the settings with references in place of values from the environment: see [`component_config::resolve`].
    pub fn settings_kept(&self) -> String {
        component_config::settings(self.connector.guest_settings(), &self.config.unresolved)
    }
}

impl Section for Sink {
    const ABOUT: &'static str = "A sink connector: consumes topics and writes to a target. One table says of which kind it is, such \
        as `[sinks.surrealdb]`.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let id = connector_id(t, "\"surrealdb\"");
        let component = ComponentKind::new(Role::Sink, t);
        let component = t
            .field("component", component, "The component that turns messages into writes.")
            .example("\"builtin:surrealdb-sink\"")
            .required();
        // With two lanes, one prepares its batch while the other writes.
        let lanes = lanes(
            t,
            SINK_LANES,
            "How many instances of the component work beside each other. Messages of one key stay on one lane, where the \
             subscription keeps their order.",
        );
        let kinds = t.session().facts::<Registry>().clone();
        let connector = kind::read(t, kinds.sinks(), kinds.left_out(Role::Sink));
        if let (Some(component), Some((kind, connector))) = (&component, &connector) {
            kind::check_builtin(t, component, kind, kinds.sinks(), connector.unfit_for_builtin());
        }
        let buffer = t
            .group("buffer")
            .optional::<SinkBufferTable>()
            .and_then(|table| table.0);
        record_buffer(t, buffer.is_some());
        let max_dead_letters = t.group("max_dead_letters").or_default::<MaxDeadLetters>();
        let limits = t.group("limits").or_default::<Limits>();
        let grants = t.group("grants").or_default::<Grants>();
        if let (Some(limits), Some((_, connector))) = (&limits, &connector) {
            let batches = connector.mappings().into_iter().map(|mapping| mapping.batch.bytes_max);
            limits.check_batch(t, batches.max().unwrap_or_default());
        }
        let config = ComponentConfig::read(t);
        Some(Self {
            id: id?,
            component: component?,
            lanes,
            connector: connector?.1,
            buffer,
            max_dead_letters: max_dead_letters?,
            limits: limits?,
            grants: grants?,
            config,
        })
    }
}
