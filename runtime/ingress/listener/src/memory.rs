//! The memory of request bodies.
//!
//! Memory is charged as it is used, over all requests of a listener. An announced length costs the sender nothing, so it must
//! not reserve memory either.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::refusal::Refusal;

/// The memory that a listener's bodies use, and its limit, in bytes.
pub(crate) struct MemoryBudget {
    used: AtomicUsize,
    max: usize,
}

/// Bytes reserved from a [`MemoryBudget`], released when dropped.
pub struct MemoryReservation<'a> {
    budget: &'a MemoryBudget,
    bytes: usize,
}

impl MemoryBudget {
    pub(crate) fn new(max: usize) -> Self {
        let used = AtomicUsize::new(0);
        Self { used, max }
    }

    pub(crate) fn reservation(&self) -> MemoryReservation<'_> {
        MemoryReservation { budget: self, bytes: 0 }
    }
}

impl MemoryReservation<'_> {
    /// Reserves more, or refuses because the listener's bodies use all that they may.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let used = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if used.saturating_add(bytes) > self.budget.max {
            return Err(Refusal::Overloaded);
        }
        Ok(())
    }

    /// Gives some of it back.
    pub fn shrink(&mut self, bytes: usize) {
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }
}

impl Drop for MemoryReservation<'_> {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_reservation_is_released() {
        let budget = MemoryBudget::new(10);
        let mut first = budget.reservation();
        first.grow(10).unwrap();
        assert_eq!(budget.reservation().grow(1), Err(Refusal::Overloaded));
        drop(first);
        budget.reservation().grow(10).expect("all of it is free again");
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
