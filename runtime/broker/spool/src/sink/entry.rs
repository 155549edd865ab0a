//! A message in flight, and where it is.

use danube_wasm_broker::{Message, MessageId};
use tokio::time::Instant;

use super::dedup::Fingerprint;

/// The caller's id of a message.
pub(super) type EntryNumber = u64;

/// A message in flight.
pub(super) struct Entry {
    /// Its id in the broker.
    pub(super) origin: MessageId,
    pub(super) location: Location,
    /// The message, while it may have to be delivered or written to disk.
    pub(super) message: Option<Message>,
    pub(super) delivered: bool,
    pub(super) since: Instant,
}

/// The state of the acknowledgement at the broker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AckState {
    None,
    /// Sent, not answered.
    Pending,
    /// It failed. The caller has processed the message, so it is not spilled.
    Failed,
}

/// A message that was removed to be negatively acknowledged in the log.
pub(super) struct Removed(pub(super) EntryNumber, pub(super) Entry);

/// Where a message is, and so what an acknowledgement applies to.
pub(super) enum Location {
    /// The message at the broker.
    Broker(AckState),
    /// A copy that is being written, or is written and not yet read from the log.
    Spilling,
    Disk {
        place: MessageId,
        fingerprint: Fingerprint,
        time_ms: u64,
    },
    /// The broker has lost it.
    Lost,
}

impl Entry {
    /// Whether it is the same message, whatever its id in the broker.
    pub(super) fn is_same(&self, other: &Message) -> bool {
        let same = |own: &Message| {
            own.id == other.id && own.publish_time_ms == other.publish_time_ms && own.payload == other.payload
        };
        self.message.as_ref().is_some_and(same)
    }
}
