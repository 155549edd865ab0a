//! How much memory an instance has: for those who measure components.

use crate::{SinkComponent, SourceComponent};

impl SourceComponent {
    /// Linear memory of the lane's instance, in bytes, summed over its memories. 0 when it has none: before the first call of
    /// a lane other than the first, while a call runs, and after one that failed.
    pub fn memory_bytes(&self, lane: usize) -> usize {
        self.lanes.memory_bytes(lane)
    }
}

impl SinkComponent {
    /// As [`SourceComponent::memory_bytes`].
    pub fn memory_bytes(&self, lane: usize) -> usize {
        self.lanes.memory_bytes(lane)
    }
}
