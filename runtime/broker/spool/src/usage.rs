//! How much of `bytes_max` is used. The log is measured from time to time. Bytes written since then are added, bytes
//! removed since then are not yet subtracted: so the result is never too low.

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
    /// The last reservation was refused.
    refused: bool,
}

impl Usage {
    pub(crate) fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            state: Mutex::default(),
        })
    }

    /// Reserves `bytes`, if there is room.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Option<Reservation> {
        let mut state = self.state.lock();
        state.refused = state.used().saturating_add(bytes) > self.bytes_max;
        if state.refused {
            return None;
        }
        state.pending += bytes;
        Some(Reservation {
            usage: self.clone(),
            bytes,
        })
    }

    /// Free bytes.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.bytes_max.saturating_sub(self.state.lock().used())
    }

    /// Used bytes.
    pub(crate) fn used(&self) -> u64 {
        self.state.lock().used()
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether the last reservation was refused and more than three quarters are still used.
    pub(crate) fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.refused && state.used() > self.bytes_max / 4 * 3
    }

    /// Call before the log is measured, and pass the result to [`Usage::measured`].
    pub(crate) fn begin_measuring(&self) -> u64 {
        self.state.lock().since
    }

    /// Sets what the log held at some time after `before` was taken.
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

/// Bytes being written. Drop it when the write has ended; if it failed, the next measurement shows it.
pub(crate) struct Reservation {
    usage: Arc<Usage>,
    bytes: u64,
}

impl Drop for Reservation {
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
        let before = usage.begin_measuring();
        drop(room);
        usage.measured(0, before);
        assert_eq!(
            usage.used(),
            60,
            "written after the measuring began: counted until the next"
        );
        let before = usage.begin_measuring();
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
        let before = usage.begin_measuring();
        usage.measured(50, before);
        assert!(!usage.is_full());
    }
}
