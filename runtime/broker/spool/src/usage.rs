//! How much of `bytes_max` is taken. The log is measured from time to time; what was handed to it since is added, what
//! it let go of since is not yet subtracted: so it is never thought emptier than it is.

use std::sync::Arc;

use parking_lot::Mutex;

/// See the module.
pub(crate) struct Usage {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the log when it was measured.
    measured: u64,
    /// Written since.
    since: u64,
    /// Being written.
    pending: u64,
    /// The last one who asked got no room.
    refused: bool,
}

impl Usage {
    pub(crate) fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            state: Mutex::default(),
        })
    }

    /// Room for so many bytes, if there is some.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Option<Room> {
        let mut state = self.state.lock();
        state.refused = state.used().saturating_add(bytes) > self.bytes_max;
        if state.refused {
            return None;
        }
        state.pending += bytes;
        Some(Room {
            usage: self.clone(),
            bytes,
        })
    }

    /// Bytes not taken.
    pub(crate) fn room(&self) -> u64 {
        self.bytes_max.saturating_sub(self.state.lock().used())
    }

    /// Bytes taken.
    pub(crate) fn used(&self) -> u64 {
        self.state.lock().used()
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether the last one who asked got no room, and there still is little.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.refused && state.used() > self.bytes_max / 4 * 3
    }

    /// Before the log is measured; [`Usage::measured`] wants the answer.
    pub(crate) fn measuring(&self) -> u64 {
        self.state.lock().since
    }

    /// What was in the log at some time after `before` was asked for.
    pub(crate) fn measured(&self, bytes: u64, before: u64) {
        let mut state = self.state.lock();
        state.measured = bytes;
        state.since = state.since.saturating_sub(before);
    }
}

impl State {
    fn used(&self) -> u64 {
        self.measured + self.since + self.pending
    }
}

/// Bytes being written. Dropped when their fate is known; if they were not written, the next measuring shows it.
pub(crate) struct Room {
    usage: Arc<Usage>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = self.usage.state.lock();
        state.pending -= self.bytes;
        state.since += self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_written_counts_before_and_after() {
        let usage = Usage::new(100);
        let room = usage.reserve(60).expect("room");
        assert!(usage.reserve(41).is_none(), "being written");
        let before = usage.measuring();
        drop(room);
        usage.measured(0, before);
        assert_eq!(
            usage.used(),
            60,
            "written after the measuring began: counted until the next"
        );
        let before = usage.measuring();
        usage.measured(60, before);
        assert_eq!(usage.used(), 60);
        assert!(usage.reserve(40).is_some(), "to the last byte");
    }

    #[test]
    fn full_ends_when_there_is_room_again() {
        let usage = Usage::new(100);
        drop(usage.reserve(100));
        assert!(!usage.is_full(), "nobody was refused");
        assert!(usage.reserve(1).is_none());
        assert!(usage.is_full());
        let before = usage.measuring();
        usage.measured(50, before);
        assert!(!usage.is_full());
    }
}
