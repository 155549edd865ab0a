//! The table `[sinks.collector]`.

use danube_wasm_connector::keys::MappingKeys;
use danube_wasm_model::{BatchPolicy, Mapping};
use danube_wasm_settings::{Section, Table};

/// The one thing that it writes to.
pub(super) const TARGET: &str = "collection";

/// What it consumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collector {
    pub(super) mapping: Mapping,
}

impl Section for Collector {
    const ABOUT: &'static str = "A sink that keeps what it is given in memory, for tests.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (keys, ()) = MappingKeys::read(t, BatchPolicy::default(), |_| ());
        keys.leave(t, None);
        let mapping = Mapping {
            consumer: keys.consumer?,
            batch: keys.batch,
            targets: vec![TARGET.to_owned()],
        };
        Some(Self { mapping })
    }
}
