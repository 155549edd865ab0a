//! Partitions that are ours, and how far each is read.

use std::collections::HashMap;

use crate::consumer::Partition;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Owned(HashMap<Partition, Reading>);

/// How far one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) epoch: u64,
    /// The offset behind the last record.
    pub(super) next: i64,
    /// The group has no offset of it, and no record has come.
    pub(super) is_new: bool,
    /// Everything up to here is fetched, and no record is there; since this many polls that gave nothing.
    pub(super) at_end: Option<(i64, u64)>,
}

impl Owned {
    pub(super) fn begin(&mut self, partition: Partition, epoch: u64, next: i64, is_new: bool) {
        let reading = Reading {
            epoch,
            next,
            is_new,
            at_end: None,
        };
        self.0.insert(partition, reading);
    }

    pub(super) fn remove(&mut self, partitions: &[Partition]) {
        self.0.retain(|partition, _| !partitions.contains(partition));
    }

    /// The epoch of a record that is the next or behind it; none of others.
    pub(super) fn take(&mut self, partition: &Partition, offset: i64) -> Option<u64> {
        let reading = self.0.get_mut(partition).filter(|reading| offset >= reading.next)?;
        reading.next = offset + 1;
        reading.is_new = false;
        reading.at_end = None;
        Some(reading.epoch)
    }

    pub(super) fn get_mut(&mut self, partition: &Partition) -> Option<&mut Reading> {
        self.0.get_mut(partition)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn partitions(&self) -> Vec<Partition> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<(Partition, Reading)> {
        let each = self.0.iter();
        each.map(|(partition, reading)| (partition.clone(), *reading)).collect()
    }
}
