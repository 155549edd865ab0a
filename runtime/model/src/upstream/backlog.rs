//! What an upstream has still to give, or to be told to forget.

use super::StreamId;

/// What an upstream keeps of a stream because it is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// Which one.
    pub stream: StreamId,
    /// How many messages, read or not; `None` where the upstream does not count them.
    pub messages: Option<u64>,
    /// How many bytes of the upstream's disk; `None` where it does not say.
    pub bytes: Option<u64>,
}
