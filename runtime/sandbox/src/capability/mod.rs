//! What a component can reach: the fields of [`Capabilities`], and nothing else.
//!
//! One capability is one module here, one field of that struct, and one variant of [`Capability`]. An interface that is
//! not granted is not linked, so that a component which slipped past admission would still not reach it.

pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metrics;
mod quota;
pub(crate) mod state;
pub(crate) mod wasi;

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_model::ConnectorId;
use wasmtime::component::{HasSelf, Linker};

use crate::{
    bindings::danube::connector as wit,
    host::{GuestHost, LogLevel},
    limits::GuestLimits,
    outgoing::{HttpLimits, OutgoingHttp},
    secrets::Secrets,
    state::GuestState,
};

/// Something that a connector can be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Lines for the connector's log: `danube:connector/log`.
    Log,
    /// Numbers for the connector's metrics page: `danube:connector/metrics`.
    Metrics,
    /// The time, to the millisecond: `wasi:clocks`. The Rust standard library imports it even if nobody looks.
    Clocks,
    /// Random bytes: `wasi:random`.
    Random,
    /// Values of its own that outlive the process: `danube:connector/state`. For sources that fetch.
    State,
    /// Requests to the hosts that its pipeline file grants: `wasi:http/outgoing-handler`.
    Http,
}

/// What one connector is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants(BTreeSet<Capability>);

impl Default for Grants {
    /// Log, metrics, clocks and random: they reach nothing outside this process.
    fn default() -> Self {
        use Capability::{Clocks, Log, Metrics, Random};
        Self([Log, Metrics, Clocks, Random].into())
    }
}

impl Grants {
    /// All there are: for what only looks at a component, and for replays.
    pub fn everything() -> Self {
        Self::default().and(Capability::State).and(Capability::Http)
    }

    /// These and another one.
    #[must_use]
    pub fn and(mut self, capability: Capability) -> Self {
        self.0.insert(capability);
        self
    }

    /// Only these.
    pub fn only(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        Self(capabilities.into_iter().collect())
    }

    /// Whether it is granted.
    pub fn has(&self, capability: Capability) -> bool {
        self.0.contains(&capability)
    }

    /// All that are granted, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Capability> + '_ {
        self.0.iter().copied()
    }
}

/// The way out of a connector that is granted hosts.
#[derive(Clone)]
pub struct HttpAccess {
    /// Makes its requests.
    pub client: Arc<dyn OutgoingHttp>,
    /// What they may use.
    pub limits: HttpLimits,
}

/// An interface that components may import.
pub(crate) struct Interface {
    /// `namespace:package/interface`.
    pub(crate) name: &'static str,
    /// Major and minor version that this host speaks; any patch of it.
    pub(crate) version: (u64, u64),
    /// The grant it needs; `None` if it reaches nothing outside the instance.
    pub(crate) needs: Option<Capability>,
}

/// Every interface that this host offers; others are refused.
pub(crate) const INTERFACES: &[Interface] = &[
    contract("danube:connector/types", None),
    contract("danube:connector/log", Some(Capability::Log)),
    contract("danube:connector/metrics", Some(Capability::Metrics)),
    contract("danube:connector/state", Some(Capability::State)),
    wasi("wasi:io/error", None),
    wasi("wasi:io/poll", None),
    wasi("wasi:io/streams", None),
    wasi("wasi:cli/environment", None),
    wasi("wasi:cli/exit", None),
    wasi("wasi:cli/stdin", None),
    wasi("wasi:cli/stdout", None),
    wasi("wasi:cli/stderr", None),
    wasi("wasi:cli/terminal-input", None),
    wasi("wasi:cli/terminal-output", None),
    wasi("wasi:cli/terminal-stdin", None),
    wasi("wasi:cli/terminal-stdout", None),
    wasi("wasi:cli/terminal-stderr", None),
    wasi("wasi:filesystem/types", None),
    wasi("wasi:filesystem/preopens", None),
    wasi("wasi:clocks/wall-clock", Some(Capability::Clocks)),
    wasi("wasi:clocks/monotonic-clock", Some(Capability::Clocks)),
    wasi("wasi:http/types", Some(Capability::Http)),
    wasi("wasi:http/outgoing-handler", Some(Capability::Http)),
    wasi("wasi:random/random", Some(Capability::Random)),
    wasi("wasi:random/insecure", Some(Capability::Random)),
    wasi("wasi:random/insecure-seed", Some(Capability::Random)),
];

const fn contract(name: &'static str, needs: Option<Capability>) -> Interface {
    let version = crate::admission::CONTRACT_VERSION;
    Interface { name, version, needs }
}

const fn wasi(name: &'static str, needs: Option<Capability>) -> Interface {
    let version = (0, 2);
    Interface { name, version, needs }
}

/// Everything that one instance can reach.
pub(crate) struct Capabilities {
    pub(crate) log: log::Log,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) state: state::State,
    pub(crate) http: http::Http,
    pub(crate) wasi: wasi::Wasi,
}

/// State shared by all instances of one connector. Quotas are per connector, not per instance, because a trap starts a
/// new instance.
#[derive(Clone)]
pub(crate) struct Shared {
    log: Arc<log::ConnectorLog>,
    metrics: Arc<metrics::ConnectorMetrics>,
    ambient: wasi::ambient::Ambient,
    http: http::Access,
    host: Arc<dyn GuestHost>,
}

impl Shared {
    pub(crate) fn new(
        id: &ConnectorId,
        limits: &GuestLimits,
        host: &Arc<dyn GuestHost>,
        ambient: wasi::ambient::Ambient,
        http: Option<HttpAccess>,
        secrets: Secrets,
    ) -> Self {
        let (client, http_limits) = http.map_or_else(Default::default, |http| (Some(http.client), http.limits));
        Self {
            log: Arc::new(log::ConnectorLog::new(id, limits, host, secrets)),
            metrics: Arc::new(metrics::ConnectorMetrics::new(id, limits, host)),
            ambient,
            http: http::Access {
                id: id.clone(),
                client,
                limits: http_limits,
                host: Arc::clone(host),
            },
            host: Arc::clone(host),
        }
    }

    /// Tells the host that an instance is replaced because it is near its limit of memory.
    pub(crate) fn replaced(&self, id: &ConnectorId) {
        self.host.replaced(id);
    }

    /// The log levels that are enabled; components can ask for them.
    pub(crate) fn log_levels(&self) -> Vec<LogLevel> {
        let levels = LogLevel::ALL.into_iter();
        levels.filter(|level| self.log.enabled(*level)).collect()
    }

    /// The surface of a new instance.
    pub(crate) fn instance(&self, limits: &GuestLimits) -> Capabilities {
        let wasi = wasi::Wasi::new(&self.log, limits, &self.ambient);
        Capabilities {
            log: log::Log::new(&self.log),
            metrics: metrics::Metrics::new(&self.metrics),
            state: state::State::default(),
            http: http::Http::new(self.http.clone(), wasi.view().clone()),
            wasi,
        }
    }
}

/// Links what is granted.
pub(crate) fn link(linker: &mut Linker<GuestState>, grants: &Grants) -> wasmtime::Result<()> {
    linker.instance("danube:connector/types@0.1.0")?;
    if grants.has(Capability::Log) {
        wit::log::add_to_linker::<_, HasSelf<log::Log>>(linker, |state| &mut state.capabilities.log)?;
    }
    if grants.has(Capability::Metrics) {
        wit::metrics::add_to_linker::<_, HasSelf<metrics::Metrics>>(linker, |state| &mut state.capabilities.metrics)?;
    }
    if grants.has(Capability::State) {
        wit::state::add_to_linker::<_, HasSelf<state::State>>(linker, |state| &mut state.capabilities.state)?;
    }
    if grants.has(Capability::Http) {
        http::link(linker)?;
    }
    wasi::link(linker, grants)
}
