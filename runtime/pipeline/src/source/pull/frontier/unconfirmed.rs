//! How much was read and is not confirmed.

use tokio::time::Instant;

/// Events that were read and are not confirmed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unconfirmed {
    pub(crate) events: usize,
    /// When the first of them was read.
    pub(crate) oldest: Option<Instant>,
}

impl Unconfirmed {
    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
    }
}

/// One that was read then, or progress without an event.
impl From<Option<Instant>> for Unconfirmed {
    fn from(read: Option<Instant>) -> Self {
        Self {
            events: usize::from(read.is_some()),
            oldest: read,
        }
    }
}
