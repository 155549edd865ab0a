//! A disk in memory that fails when it is told to, and that forgets what was not synced when the power goes.
#![allow(dead_code, reason = "each test uses some of it")]

use std::{
    io,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use danube_wasm_broker::embedded::DiskFactory;
use rand::{Rng, rngs::StdRng};
use redb::StorageBackend;

/// One file. Clones are the same file.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<Image>>);

#[derive(Debug, Default)]
struct Image {
    /// What a read sees: the page cache.
    seen: Vec<u8>,
    /// What survives a power cut for certain.
    durable: Vec<u8>,
    /// What may survive it.
    unsynced: Vec<Change>,
    operations: u64,
    /// Operations that fail.
    failing: Range<u64>,
    /// Bytes that the disk has room for; none where it has no end.
    bytes_max: Option<usize>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

const SECTOR_BYTES: usize = 512;

impl FaultyDisk {
    /// Fails these operations, counted from the disk's first.
    pub(crate) fn fail(&self, operations: Range<u64>) {
        self.image().failing = operations;
    }

    /// The file cannot grow any more.
    pub(crate) fn fill(&self) {
        let mut image = self.image();
        image.bytes_max = Some(image.seen.len());
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> u64 {
        self.image().operations
    }

    /// The disk after a power cut: what was synced, and of each later change all, nothing, or some sectors.
    pub(crate) fn after_power_cut(&self, rng: &mut StdRng) -> Self {
        let image = self.image();
        let mut left = image.durable.clone();
        for change in &image.unsynced {
            match change {
                Change::Length(len) if rng.random_bool(0.5) => left.resize(*len, 0),
                Change::Write(offset, bytes) => match rng.random_range(0..3) {
                    0 => {}
                    1 => write(&mut left, *offset, bytes),
                    _ => tear(&mut left, *offset, bytes, rng),
                },
                Change::Length(_) => {}
            }
        }
        Self::holding(left)
    }

    /// The disk after a power cut that took everything that was not synced.
    pub(crate) fn after_worst_power_cut(&self) -> Self {
        Self::holding(self.image().durable.clone())
    }

    fn holding(bytes: Vec<u8>) -> Self {
        let image = Image {
            seen: bytes.clone(),
            durable: bytes,
            ..Image::default()
        };
        Self(Arc::new(Mutex::new(image)))
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operation(&self) -> (MutexGuard<'_, Image>, bool) {
        let mut image = self.image();
        let fails = image.failing.contains(&image.operations);
        image.operations += 1;
        (image, fails)
    }
}

impl DiskFactory for FaultyDisk {
    fn open(&self, _: &Path) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(self.clone()))
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.image().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let (image, fails) = self.operation();
        let offset = offset as usize;
        match image.seen.get(offset..offset + out.len()) {
            Some(bytes) if !fails => out.copy_from_slice(bytes),
            Some(_) => return Err(io::Error::other("EIO")),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut image, fails) = self.operation();
        if fails || image.bytes_max.is_some_and(|max| len as usize > max) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        image.seen.resize(len as usize, 0);
        image.unsynced.push(Change::Length(len as usize));
        Ok(())
    }

    /// A sync that fails leaves the page cache as if it had succeeded, and forgets what was to be written.
    fn sync_data(&self) -> io::Result<()> {
        let (mut image, fails) = self.operation();
        let changes = std::mem::take(&mut image.unsynced);
        if fails {
            return Err(io::Error::other("EIO"));
        }
        for change in changes {
            match change {
                Change::Write(offset, bytes) => write(&mut image.durable, offset, &bytes),
                Change::Length(len) => image.durable.resize(len, 0),
            }
        }
        Ok(())
    }

    /// A write that fails has written its first half.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (mut image, fails) = self.operation();
        let written = if fails { &data[..data.len() / 2] } else { data };
        write(&mut image.seen, offset as usize, written);
        image.unsynced.push(Change::Write(offset as usize, written.to_vec()));
        if fails {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }
}

fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if file.len() < offset + bytes.len() {
        file.resize(offset + bytes.len(), 0);
    }
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn tear(file: &mut Vec<u8>, offset: usize, bytes: &[u8], rng: &mut StdRng) {
    let mut at = 0;
    while at < bytes.len() {
        // To the end of the sector that this byte is in.
        let end = bytes.len().min(at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES);
        if rng.random_bool(0.5) {
            write(file, offset + at, &bytes[at..end]);
        }
        at = end;
    }
}
