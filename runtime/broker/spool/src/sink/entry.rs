//! A message in the hand, and where it is.

use danube_wasm_broker::{Message, MessageId};
use tokio::time::Instant;

use super::known::Print;

/// The caller's number of a message.
pub(super) type Number = u64;

/// A message in the hand.
pub(super) struct Entry {
    /// Its place in the broker.
    pub(super) origin: MessageId,
    pub(super) at: At,
    /// The message, as long as it may be needed: to be given, or to be written to disk.
    pub(super) message: Option<Message>,
    pub(super) given: bool,
    pub(super) since: Instant,
}

/// Whether the broker was asked to let go of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    No,
    /// Its answer is awaited.
    Yes,
    /// It did not. The caller is done with the message, so there is nothing to be held.
    Failed,
}

/// A message that was taken out of the hand, to be given back.
pub(super) struct Taken(pub(super) Number, pub(super) Entry);

/// What an acknowledgement concerns.
pub(super) enum At {
    /// The message at the broker.
    Broker(Asked),
    /// A copy that is being written, or is written and not yet read back.
    Moving,
    Disk {
        place: MessageId,
        print: Print,
        time_ms: u64,
    },
    /// The broker has lost it.
    Nowhere,
}

impl Entry {
    /// Whether it is this message, whatever place it has by now.
    pub(super) fn is(&self, other: &Message) -> bool {
        let same = |own: &Message| {
            own.id == other.id && own.publish_time_ms == other.publish_time_ms && own.payload == other.payload
        };
        self.message.as_ref().is_some_and(same)
    }
}
