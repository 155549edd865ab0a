//! What `check --connect` finds.

use serde::Serialize;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was tried.
    pub what: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of it. The text says what is in the way and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// It is there.
    Reached,
    /// It is not there yet; `run` makes it, or waits for it and goes on by itself.
    Awaited(String),
    /// Nothing here can tell.
    Unknown(String),
    /// `run` would not do its work.
    Failed(String),
}
