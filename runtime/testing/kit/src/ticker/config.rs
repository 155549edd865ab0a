//! The table `[sources.ticker]`.

use danube_wasm_connector::keys::{self, TopicKeys};
use danube_wasm_model::{OnFailure, Route};
use danube_wasm_settings::{Section, Table, kinds::Integer};

/// Its one endpoint.
pub(super) const ENDPOINT: &str = "ticks";

/// How far it counts, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticker {
    pub(super) route: Route,
    pub(super) count: u64,
}

impl Section for Ticker {
    const ABOUT: &'static str = "A source that counts, for tests.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let topic = TopicKeys::read(t);
        let on_invalid = keys::on_invalid_of_upstream(t);
        let count = t.field("count", Integer(1..=1_000_000), "How far it counts.").or(10);
        topic.leave(t, false);
        let route = topic.route(ENDPOINT, on_invalid, OnFailure::DeadLetter)?;
        Some(Self { route, count })
    }
}
