//! Findings of `check --connect`.

use serde::Serialize;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub what: String,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The outcome of a check. The text says what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// It works.
    Reached,
    /// It does not exist yet; `run` creates it, or waits for it and continues by itself.
    Awaited(String),
    /// The outcome cannot be determined from here.
    Unknown(String),
    /// `run` would fail.
    Failed(String),
}
