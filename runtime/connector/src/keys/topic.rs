//! The keys of an endpoint about its topic and about refused events.

use danube_wasm_model::{OnFailure, OnInvalid, Route, TopicName};
use danube_wasm_settings::{
    Field, Table,
    kinds::{Choice, Flag, Integer, Parsed},
};

use crate::{Facts, Published};

/// The keys about the topic that the records of an endpoint go to.
#[derive(Debug, Clone)]
pub struct TopicKeys {
    /// `danube_topic`.
    pub topic: Option<TopicName>,
    /// `partitions`.
    pub partitions: u32,
    /// `reliable_dispatch`.
    pub reliable_dispatch: bool,
    /// `ordered`.
    pub ordered: bool,
}

impl TopicKeys {
    /// Reads the keys.
    pub fn read(t: &mut Table<'_>) -> Self {
        let topic = topic(t).required();
        Self::of(t, topic)
    }

    /// Reads the keys of an endpoint that may have its topics elsewhere. `words` describe on the reference page when
    /// `danube_topic` is needed.
    pub fn read_optional(t: &mut Table<'_>, words: &'static str) -> Self {
        let topic = topic(t).defaults_to(words);
        Self::of(t, topic)
    }

    fn of(t: &mut Table<'_>, topic: Option<TopicName>) -> Self {
        let partitions = t
            .field(
                "partitions",
                Integer(0..=1024),
                "Partitions of the topic; 0 for a topic without.",
            )
            .or(0);
        let reliable_dispatch = t
            .field(
                "reliable_dispatch",
                Flag,
                "Keep each message until every subscription has acknowledged it. The embedded log always does.",
            )
            .or(true);
        let ordered = t
            .field(
                "ordered",
                Flag,
                "Keep the order of records without a key, too: their events stay on one lane. On a Danube cluster one message \
                 at a time is then under way to each partition.",
            )
            .or(false);
        if !reliable_dispatch {
            t.session().warning(
                &t.span("reliable_dispatch"),
                "on a Danube cluster, messages of this topic are lost when the broker stops",
                "write `reliable_dispatch = true`",
            );
        }
        Self {
            topic,
            partitions,
            reliable_dispatch,
            ordered,
        }
    }

    /// Returns the route from an endpoint to the topic; `None` if the topic is missing or invalid.
    pub fn route(&self, endpoint: impl Into<String>, on_invalid: OnInvalid, on_failure: OnFailure) -> Option<Route> {
        Some(Route {
            endpoint: endpoint.into(),
            topic: self.topic.clone()?,
            partitions: self.partitions,
            reliable_dispatch: self.reliable_dispatch,
            ordered: self.ordered,
            on_invalid,
            on_failure,
        })
    }

    /// Records the topic, for checks against other endpoints and sinks. `keyed` is whether records have keys.
    pub fn leave(&self, t: &Table<'_>, keyed: bool) {
        if let Some(topic) = &self.topic {
            let fact = Published {
                topic: topic.clone(),
                partitions: self.partitions,
                reliable_dispatch: self.reliable_dispatch,
                ordered: self.ordered,
                keyed,
                source: t.item(),
            };
            t.session()
                .facts::<Facts>()
                .published
                .push((t.span("danube_topic"), fact));
        }
    }
}

fn topic<'t, 's>(t: &'t mut Table<'s>) -> Field<'t, 's, Parsed<TopicName>> {
    let about = "The topic, `/namespace/name`. It is created if it is not there.";
    t.field("danube_topic", Parsed::new("a topic"), about)
        .aliases(&["to"])
        .example("\"/stripe/payments\"")
}

/// Reads the key `on_invalid` of an endpoint whose senders wait for an answer.
pub fn on_invalid(t: &mut Table<'_>) -> OnInvalid {
    t.field(
        "on_invalid",
        Choice::of(&[("reject", OnInvalid::Reject), ("dead-letter", OnInvalid::DeadLetter)]),
        "What becomes of bodies that the schema or the component refuses. `dead-letter` answers 200 and keeps \
         them, for senders that switch an endpoint off after refusals. This is also for records that the \
         component made of a body and that the schema refuses, or the broker for their size.",
    )
    .or(OnInvalid::Reject)
}

/// Reads the key `on_invalid` of an endpoint that reads from an upstream.
pub fn on_invalid_of_upstream(t: &mut Table<'_>) -> OnInvalid {
    t.field(
        "on_invalid",
        Choice::of(&[
            ("dead-letter", OnInvalid::DeadLetter),
            ("skip", OnInvalid::Skip),
            ("stop", OnInvalid::Stop),
        ]),
        "What becomes of an event that the schema or the component refuses, or the broker for its size: it is kept as a dead \
         letter; or logged, counted and left out; or the source stops before it, and reads it again when it is started.",
    )
    .or(OnInvalid::DeadLetter)
}

/// Reads the key `on_failure` of an endpoint whose senders wait for an answer.
pub fn on_failure(t: &mut Table<'_>) -> OnFailure {
    t.field(
        "on_failure",
        Choice::of(&[("reject", OnFailure::Reject), ("dead-letter", OnFailure::DeadLetter)]),
        "What a sender is told of an event that the component crashed on: it trapped, ran out of its budget, went \
         over a limit or returned malformed output. A dead letter is kept either way, for `dlq replay`; if it \
         cannot be written, the answer is 503. `reject` answers 500, so that most senders send again; \
         `dead-letter` answers 200, for those that would switch the endpoint off or never send again.",
    )
    .or(OnFailure::Reject)
}
