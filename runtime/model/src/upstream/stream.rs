//! Names and places of what is read, and how much of it.

use std::{fmt, sync::Arc};

/// Names a stream of an upstream: `orders/3`, a slot, a client id. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// A stream of this name, unique among all that a connector reads at a time.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A place in one epoch of a stream: a Kafka offset, an LSN, the number of a delivery. Only the upstream knows what it
/// means; the driver gives back one that it was given.
///
/// Positions of an epoch never fall, and may have holes. An event's is the one from which the upstream may go on once the
/// event and everything before it are done. Events that can only be confirmed together, as those of a transaction, all
/// have the position before them, and a [`Passed`](super::Delivery::Passed) with the position behind them follows: a position
/// that was confirmed is not confirmed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(u128);

impl Position {
    /// From what the upstream counts by.
    pub const fn new(place: u128) -> Self {
        Self(place)
    }

    /// What it was made from.
    pub const fn get(self) -> u128 {
        self.0
    }
}

impl From<u64> for Position {
    fn from(place: u64) -> Self {
        Self(place.into())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much may be delivered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Events; none if nothing fits.
    pub events: usize,
    /// Bytes of payloads, keys, attributes and headers; none if nothing fits. An event that is larger may come alone.
    pub bytes: usize,
}
