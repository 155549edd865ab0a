//! Numbers and traces of one connector: the only place in this crate that knows metric names' owners.

/// Counts and traces for one connector.
#[derive(Clone, Default)]
pub struct Probe;
