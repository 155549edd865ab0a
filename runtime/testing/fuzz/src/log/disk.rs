//! A disk in memory.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use danube_wasm_broker::embedded::DiskFactory;
use redb::StorageBackend;

/// A damaged header may request any size.
const BYTES_MAX: u64 = 64 << 20;

/// One file. Clones are the same file.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryDisk(Arc<Mutex<Vec<u8>>>);

impl MemoryDisk {
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    /// What is on it now.
    pub(super) fn image(&self) -> Vec<u8> {
        self.bytes().clone()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskFactory for MemoryDisk {
    fn open(&self, _: &Path) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(self.clone()))
    }
}

fn place(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let end = offset.checked_add(len as u64).filter(|end| *end <= BYTES_MAX);
    match end {
        Some(end) => Ok(offset as usize..end as usize),
        None => Err(io::ErrorKind::StorageFull.into()),
    }
}

impl StorageBackend for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        let found = place(offset, out.len()).ok().and_then(|place| bytes.get(place));
        let found = found.ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let end = place(len, 0)?.end;
        self.bytes().resize(end, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let place = place(offset, data.len())?;
        let mut bytes = self.bytes();
        if bytes.len() < place.end {
            bytes.resize(place.end, 0);
        }
        bytes[place].copy_from_slice(data);
        Ok(())
    }
}
