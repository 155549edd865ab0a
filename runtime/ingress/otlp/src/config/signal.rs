//! Where the records of a signal go.

use danube_wasm_connector::keys::{self, TopicKeys};
use danube_wasm_model::Route;
use danube_wasm_settings::{Section, Table, kinds::Choice};

use crate::signal::Signal;

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Split {
    /// A span, a metric or a log record.
    #[default]
    Record,
    /// A request.
    Request,
}

impl Split {
    /// The values of the key `split`.
    pub(crate) const CHOICE: Choice<Self> = Choice::of(&[("record", Self::Record), ("request", Self::Request)]);
}

/// A signal that is received. Its endpoint is named when the signal is known.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalConfig {
    /// Where its records go.
    pub route: Route,
    /// What an event is; `None` for what the source says.
    pub split: Option<Split>,
}

impl SignalConfig {
    /// As that of a signal.
    pub(crate) fn of(mut self, signal: Signal) -> Self {
        self.route.endpoint = signal.http_path().to_owned();
        self
    }

    /// What the component is told of it.
    pub(crate) fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "path": self.route.endpoint,
            "danube_topic": self.route.topic.as_str(),
            "partitions": self.route.partitions,
            "reliable_dispatch": self.route.reliable_dispatch,
        })
    }
}

impl Section for SignalConfig {
    const ABOUT: &'static str = "A signal that is received, and the topic that its records go to. Exports of a signal without a table are refused.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let topic = TopicKeys::read(t);
        let split = t
            .field("split", Split::CHOICE, "What an event of this signal is.")
            .example("\"request\"")
            .defaults_to("the source's");
        let on_invalid = keys::on_invalid(t);
        let on_failure = keys::on_failure(t);
        topic.leave(t, true);
        Some(Self {
            route: topic.route(String::new(), on_invalid, on_failure)?,
            split,
        })
    }
}
