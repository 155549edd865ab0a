//! What an instance uses, and what it has counted: for those who measure components.

use crate::{SinkComponent, SourceComponent};

impl SourceComponent {
    /// Linear memory of the lane's instance, in bytes, summed over its memories. 0 when it has none: before the first call of
    /// a lane other than the first, while a call runs, and after one that failed.
    pub fn memory_bytes(&self, lane: usize) -> usize {
        self.lanes.memory_bytes(lane)
    }

    /// What an export without parameters returns on the lane's instance: a number. `None` if it has no instance, or no such export.
    pub async fn number(&self, lane: usize, export: &str) -> Option<u64> {
        self.lanes.number(lane, export).await
    }
}

impl SinkComponent {
    /// As [`SourceComponent::memory_bytes`].
    pub fn memory_bytes(&self, lane: usize) -> usize {
        self.lanes.memory_bytes(lane)
    }

    /// As [`SourceComponent::number`].
    pub async fn number(&self, lane: usize, export: &str) -> Option<u64> {
        self.lanes.number(lane, export).await
    }
}
