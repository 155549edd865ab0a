//! Remembers unsynced writes across reopening.
//!
//! After a failed `fsync` the kernel may drop both the error and the dirty mark: the file then reads as if everything
//! had been written, while the disk has the old bytes, and the next `fsync` succeeds without writing them. A log that
//! is reopened in the same process would build on pages that a power cut loses. So every range written since the last
//! good sync is remembered, and before the log is opened again each one is read, written back as it was read, and
//! synced. From then on the disk holds what is read, whichever of the two contents that is, and the engine's own
//! checksums decide what is valid.

use std::{collections::BTreeMap, fmt, io, ops::Bound, sync::Arc};

use parking_lot::Mutex;
use redb::{BackendError, StorageBackend};

/// Ranges by offset, with their lengths in bytes.
#[derive(Debug, Default)]
pub(super) struct UnsyncedRanges(Mutex<BTreeMap<u64, u64>>);

impl UnsyncedRanges {
    fn record(&self, offset: u64, len: u64) {
        let mut ranges = self.0.lock();
        let known = ranges.entry(offset).or_default();
        *known = len.max(*known);
    }

    fn restore(&self, ranges: BTreeMap<u64, u64>) {
        for (offset, len) in ranges {
            self.record(offset, len);
        }
    }
}

/// A backend whose unsynced ranges are remembered.
pub(super) struct TrackedBackend {
    inner: Box<dyn StorageBackend>,
    unsynced: Arc<UnsyncedRanges>,
}

impl TrackedBackend {
    /// Wraps a newly opened backend, after making durable what an earlier one left unsynced.
    pub(super) fn resync(inner: Box<dyn StorageBackend>, unsynced: Arc<UnsyncedRanges>) -> io::Result<Self> {
        let ranges = unsynced.0.lock().clone();
        if !ranges.is_empty() {
            let end = inner.len()?;
            for (offset, len) in ranges {
                let len = len.min(end.saturating_sub(offset));
                let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
                inner.read(offset, &mut bytes)?;
                inner.write(offset, &bytes)?;
            }
            inner.sync_data()?;
            unsynced.0.lock().clear();
        }
        let tracked = Self { inner, unsynced };
        tracked.discard_interrupted_creation()?;
        Ok(tracked)
    }

    /// The engine writes its magic number after the first header is synced. A crash before that leaves a file that it
    /// always refuses. Nothing was stored in it if everything after the header page is zero.
    fn discard_interrupted_creation(&self) -> io::Result<()> {
        const MAGIC: usize = 9;
        const HEADER_PAGE: u64 = 4096;
        const CREATED_MAX: u64 = 2 << 20;
        let len = self.inner.len()?;
        if len == 0 || len > CREATED_MAX {
            return Ok(());
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.inner.read(0, &mut bytes)?;
        let is_zero = |bytes: &[u8]| bytes.iter().all(|b| *b == 0);
        let (header, pages) = bytes.split_at(bytes.len().min(HEADER_PAGE as usize));
        if is_zero(header.get(..MAGIC).unwrap_or(header)) && is_zero(pages) {
            self.inner.set_len(0)?;
        }
        Ok(())
    }
}

impl fmt::Debug for TrackedBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl StorageBackend for TrackedBackend {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        // Taken before the sync: what is written while it runs is not part of it.
        let ranges = std::mem::take(&mut *self.unsynced.0.lock());
        self.inner.sync_data().inspect_err(|_| self.unsynced.restore(ranges))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.unsynced.record(offset, data.len() as u64);
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
