//! The table `[sources.poll]`.

use std::time::Duration;

use danube_wasm_connector::keys::{self, TopicKeys};
use danube_wasm_model::{OnFailure, Route};
use danube_wasm_settings::{Section, Table, kinds::Millis};
use serde_json::{Value, json};

/// Its one endpoint.
pub(crate) const ENDPOINT: &str = "poll";

/// Where what is fetched goes, and how often it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Where what is fetched goes.
    pub route: Route,
    /// How long to wait between two fetches, unless the component says that there is more.
    pub interval: Duration,
}

impl Poll {
    /// What the component is told of its endpoint.
    pub(crate) fn settings(&self) -> Value {
        json!({
            "path": ENDPOINT,
            "danube_topic": self.route.topic.as_str(),
            "partitions": self.route.partitions,
            "reliable_dispatch": self.route.reliable_dispatch,
        })
    }
}

impl Section for Poll {
    const ABOUT: &'static str = "Calls a component that fetches, such as from an HTTP API, and publishes what it returns. What the \
        component remembers, such as a cursor, is durable when what it fetched until then is. The component says in its `config` what \
        it fetches; the hosts that it may ask are in `grants.http`.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let topic = TopicKeys::read(t);
        let on_invalid = keys::on_invalid_of_upstream(t);
        let interval = t
            .field(
                "interval_ms",
                Millis(10..=86_400_000),
                "How long to wait between two fetches, unless the component says that there is more. A fetch that failed is tried \
                 again sooner.",
            )
            .or(Duration::from_secs(60));
        topic.leave(t, true);
        let route = topic.route(ENDPOINT, on_invalid, OnFailure::DeadLetter)?;
        Some(Self { route, interval })
    }
}
