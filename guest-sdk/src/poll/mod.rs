//! Sources that ask for their events themselves.

mod page;
pub mod state;

use std::time::Duration;

pub use page::{PageBuilder, PolledEvent};

use crate::{Result, SourceConnector, bindings::poller};

/// A source that asks an API for its events instead of being given them. The host calls [`fetch`](Self::fetch) again and again, publishes
/// what came, and only then makes durable what [`state`] was changed to. Name the type in
/// [`export_polling_source!`](crate::export_polling_source), and configure it as `[sources.poll]`.
///
/// What was fetched comes to [`SourceConnector::event`], perhaps in another instance.
pub trait PollingSource: SourceConnector {
    /// Fetches the next events, after those that [`state`] says the calls before have fetched. An error that may pass is tried
    /// again after a wait; whatever this call changed of [`state`] is forgotten.
    fn fetch(&mut self, room: Room, page: &mut PageBuilder) -> Result<()>;
}

/// What may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Most events; at least 1.
    pub events: usize,
    /// Most bytes of payloads; one event may have more.
    pub bytes: usize,
}

impl From<poller::Room> for Room {
    fn from(room: poller::Room) -> Self {
        let most = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Self {
            events: most(room.events),
            bytes: most(room.bytes),
        }
    }
}

/// Milliseconds, the longest that the contract can say for what is longer.
pub(crate) fn millis(after: Duration) -> u32 {
    u32::try_from(after.as_millis()).unwrap_or(u32::MAX)
}
