//! The disk as a dependency: the log's file is opened only here, so that a test can make it fail.

use std::{fs::OpenOptions, io, path::Path};

use redb::{StorageBackend, backends::FileBackend};

/// Opens the file of a log: at the start, and again after each failure.
pub trait DiskFactory: Send + Sync {
    /// Opens the file at `path`, creating it empty if it is not there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;
}

/// A real file.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDisk;

impl DiskFactory for FileDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        sync_directory(path.parent())?;
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    }
}

/// Makes a new name in a directory durable; without it a crash may lose the file however often it was synced.
pub(super) fn sync_directory(directory: Option<&Path>) -> io::Result<()> {
    match directory {
        Some(directory) if cfg!(unix) => std::fs::File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}
