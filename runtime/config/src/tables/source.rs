//! Sources, which take events in.

use danube_wasm_connector::{Registry, Role, SourceConfig};
use danube_wasm_grants::Grants;
use danube_wasm_model::{ConnectorId, Route};
use danube_wasm_settings::{
    Section, Table,
    kinds::{Integer, Name},
};

use super::{
    buffer::{SourceBuffer, SourceBufferTable},
    component::{Component, ComponentKind},
    component_config::{self, ComponentConfig},
    dead_letters::MaxDeadLetters,
    kind,
    limits::Limits,
};
use crate::cross_checks::CrossChecks;

/// A source connector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Source {
    /// Id.
    pub id: ConnectorId,
    /// The component that turns events into records.
    pub component: Component,
    /// Number of concurrent instances, 1 to [`LANES_MAX`].
    pub lanes: usize,
    /// The kind of the source, with its configuration.
    pub connector: SourceConfig,
    /// Batching of events.
    pub batch: Batch,
    /// Buffer for when the Danube cluster is unavailable; always `None` with the embedded log, which needs none.
    pub buffer: Option<SourceBuffer>,
    /// Limit of its dead letters.
    pub max_dead_letters: MaxDeadLetters,
    /// Limits of its component.
    pub limits: Limits,
    /// What its component is granted.
    pub grants: Grants,
    /// The component's own settings.
    pub config: ComponentConfig,
}

/// Default number of lanes of a source.
pub(crate) const SOURCE_LANES: usize = 1;

/// Most lanes of a connector: each is an instance with its own memory.
pub const LANES_MAX: usize = 64;

impl Source {
    /// Returns the routes of its endpoints.
    pub fn routes(&self) -> Vec<Route> {
        self.connector.routes()
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

impl Section for Source {
    const ABOUT: &'static str = "A source connector: takes events in and publishes them to topics. One table says of which kind \
        it is, such as `[sources.webhook]`.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let id = connector_id(t, "\"webhook\"");
        let component = ComponentKind::new(Role::Source, t);
        let component = t
            .field("component", component, "The component that turns events into records.")
            .example("\"builtin:webhook-source\"")
            .required();
        if matches!(component, Some(Component::File(_))) {
            let source = t.item();
            t.session().facts::<CrossChecks>().own_components.push(source);
        }
        let lanes = lanes(
            t,
            SOURCE_LANES,
            "How many instances of the component work beside each other. Events in whose body `key_pointer` finds the same key \
             stay on one lane, and so do those without a key where an endpoint is `ordered`.",
        );
        let kinds = t.session().facts::<Registry>().clone();
        let connector = kind::read(t, kinds.sources(), kinds.left_out(Role::Source));
        let batch = t.group("batch").or_default::<Batch>();
        let buffer = t
            .group("buffer")
            .optional::<SourceBufferTable>()
            .and_then(|table| table.0);
        record_buffer(t, buffer.is_some());
        if let (Some(component), Some((kind, connector))) = (&component, &connector) {
            kind::check_builtin(t, component, kind, kinds.sources(), connector.unfit_for_builtin());
        }
        let max_dead_letters = t.group("max_dead_letters").or_default::<MaxDeadLetters>();
        let limits = t.group("limits").or_default::<Limits>();
        if let (Some(limits), Some((_, connector))) = (&limits, &connector) {
            limits.check_event(t, connector.event_bytes_max());
        }
        let grants = t.group("grants").or_default::<Grants>();
        let config = ComponentConfig::read(t);
        Some(Self {
            id: id?,
            component: component?,
            lanes,
            connector: connector?.1,
            batch: batch?,
            buffer,
            max_dead_letters: max_dead_letters?,
            limits: limits?,
            grants: grants?,
            config,
        })
    }
}

/// Reads the key `name` of a connector.
pub(super) fn connector_id(t: &mut Table<'_>, example: &'static str) -> Option<ConnectorId> {
    let name = t
        .field(
            "name",
            Name("connector"),
            "Name of the connector, unique in the file. It is in metrics, logs and the ids of records: renaming a \
             source makes its senders' retries new events.",
        )
        .aliases(&["connector_name"])
        .example(example)
        .required()?;
    let mut cross_checks = t.session().facts::<CrossChecks>();
    cross_checks.connectors.push((t.span("name"), name.clone()));
    // Both names are validated when they are read. Another file may change the pipeline's: see `assemble`.
    ConnectorId::try_new(&cross_checks.pipeline, &name).ok()
}

/// Records the table `buffer` of a connector, if it is used.
pub(super) fn record_buffer(t: &Table<'_>, used: bool) {
    if used {
        let fact = (t.span("buffer"), t.item());
        t.session().facts::<CrossChecks>().buffers.push(fact);
    }
}

/// Reads the key `lanes` of a connector.
pub(super) fn lanes(t: &mut Table<'_>, default: usize, doc: &'static str) -> usize {
    t.field("lanes", Integer(1..=LANES_MAX), doc).or(default)
}

/// Batching of events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Most events of one call.
    pub max_events: usize,
    /// Most payload bytes of one call. A larger event gets a call of its own.
    pub max_bytes: usize,
    /// Most events that wait for a call. Further ones are answered 503.
    pub queue_events: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            max_events: 512,
            max_bytes: 4 << 20,
            queue_events: 4096,
        }
    }
}

impl Section for Batch {
    const ABOUT: &'static str = "How events that arrive together travel together. Nothing waits for a batch to fill.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let usual = Self::default();
        let max_events = t
            .field("max_events", Integer(1..=10_000), "Most events of one call.")
            .or(usual.max_events);
        let max_bytes = t
            .field(
                "max_bytes",
                Integer(1 << 10..=64 << 20),
                "Most bytes of one call. A larger event travels alone.",
            )
            .or(usual.max_bytes);
        let queue_events = t
            .field(
                "queue_events",
                Integer(1..=1_000_000),
                "Most events that wait for a call. Beyond them, senders are answered 503 with Retry-After.",
            )
            .or(usual.queue_events);
        Some(Self {
            max_events,
            max_bytes,
            queue_events,
        })
    }
}
