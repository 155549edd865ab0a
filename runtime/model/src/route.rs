//! What a source publishes: one route for each of its endpoints.

use crate::TopicName;

/// From an endpoint of a source to a topic, and what becomes of events on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Name of the endpoint, as its events carry it: a path, a topic of another broker, a table.
    pub endpoint: String,
    /// The topic.
    pub topic: TopicName,
    /// Partitions of the topic; 0 for a topic without.
    pub partitions: u32,
    /// Whether the broker keeps each message until every subscription has acknowledged it.
    pub reliable_dispatch: bool,
    /// Whether records without a key keep the order of their events, too.
    pub ordered: bool,
    /// What becomes of an event that its schema or the component refuses.
    pub on_invalid: OnInvalid,
    /// What its sender is told of an event that the component crashed on.
    pub on_failure: OnFailure,
}

/// What becomes of an event that its schema or the component refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInvalid {
    /// Its sender is told. A source that reads from an upstream has nobody to tell, and keeps a dead letter.
    #[default]
    Reject,
    /// It becomes a dead letter. A sender that waits is told that all is well.
    DeadLetter,
    /// It is logged and counted, and left out. Only of sources that read from an upstream.
    Skip,
    /// The connector stops before it. Only of sources that read from an upstream.
    Stop,
}

/// What the sender of an event is told on which the component crashed: it trapped, ran out of its budget, went over a limit
/// or returned malformed output for it. A dead letter is kept either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// That it failed: it may send the event again.
    #[default]
    Reject,
    /// That all is well, because the dead letter is kept.
    DeadLetter,
}
