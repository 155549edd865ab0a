//! The difference between two readings of a pipeline file.

use danube_wasm_model::ConnectorId;

use crate::Pipeline;

/// What a reload has to change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Difference {
    /// Connectors to start.
    pub added: Vec<ConnectorId>,
    /// Connectors to stop.
    pub removed: Vec<ConnectorId>,
    /// Connectors to restart, because their table or one of their schemas changed. A component or certificate whose
    /// file has the same path and new content is not detected here.
    pub changed: Vec<ConnectorId>,
    /// Changed tables and keys outside of the connectors. Those that the process has bound or opened
    /// (`name`, `data_dir`, `danube_service_url`, `danube`, `nats`, `admin`) need a restart.
    pub settings: Vec<&'static str>,
}

impl Difference {
    /// Whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Pipeline {
    /// Returns what has to change to turn `self` into `newer`.
    pub fn difference(&self, newer: &Self) -> Difference {
        let mut difference = Difference {
            settings: self.changed_settings(newer),
            ..Difference::default()
        };
        for id in newer.connectors() {
            if !self.connectors().any(|old| old == id) {
                difference.added.push(id.clone());
            } else if !self.is_unchanged(newer, id) {
                difference.changed.push(id.clone());
            }
        }
        let gone = self.connectors().filter(|old| !newer.connectors().any(|id| id == *old));
        difference.removed.extend(gone.cloned());
        difference
    }

    fn changed_settings(&self, newer: &Self) -> Vec<&'static str> {
        let changed = [
            ("name", self.name != newer.name),
            ("data_dir", self.data_dir != newer.data_dir),
            ("danube_service_url", self.service_url != newer.service_url),
            ("danube", self.danube != newer.danube),
            ("nats", self.nats != newer.nats),
            ("admin", self.admin != newer.admin),
            ("telemetry", self.telemetry != newer.telemetry),
            ("shutdown", self.shutdown != newer.shutdown),
            ("retention", self.retention != newer.retention),
        ];
        changed
            .into_iter()
            .filter(|(_, changed)| *changed)
            .map(|(name, _)| name)
            .collect()
    }

    /// Whether a connector, with everything that it depends on, is the same in both.
    fn is_unchanged(&self, newer: &Self, id: &ConnectorId) -> bool {
        let name = id.connector();
        let new = newer.source(name);
        let mut routes = new.iter().flat_map(|source| source.routes());
        let schemas = routes.all(|route| self.schema_of(&route.topic) == newer.schema_of(&route.topic));
        schemas && self.source(name) == new && self.sink(name) == newer.sink(name)
    }
}
