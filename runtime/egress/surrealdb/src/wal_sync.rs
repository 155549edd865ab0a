//! Makes sure that the store's log is on disk.
//!
//! SurrealDB does not report every sync that failed: it retries some of its own commits, drops the error of others, and
//! a transaction of another caller, or one of ours that timed out, is visible before its sync returns. Data that a
//! failed sync did not write stays in the page cache as if it had been written, no later sync writes it, and at the
//! next start the log ends there, whatever was acknowledged after it. But Linux reports such a failure once to every
//! open file. So we keep the log open, too, and sync it ourselves after a batch: either everything that the batch
//! wrote or found written is on disk, or the store is reopened. (Another sync of a file without unwritten data costs
//! little.)

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use crate::files;

/// Bytes that are rewritten at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The log files of a store, for as long as it is open.
pub(crate) struct WalSync {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: BTreeMap<PathBuf, File>,
    /// Kept because the kernel reports a failure only once.
    failed: Option<String>,
}

impl WalSync {
    /// Opens the log files that exist, and makes sure that they are on disk.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let wal_sync = Self {
            directory: directory.to_owned(),
            state: Mutex::default(),
        };
        wal_sync.sync().map(|()| wal_sync)
    }

    /// Returns once everything in the log files is on disk. After one failure, all later calls fail.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if let Some(failed) = &state.failed {
            return Err(io::Error::other(failed.clone()));
        }
        let synced = state.sync(&self.directory);
        state.failed = synced.as_ref().err().map(ToString::to_string);
        synced
    }
}

impl State {
    fn sync(&mut self, directory: &Path) -> io::Result<()> {
        let present = files::wal_files(directory)?;
        self.logs.retain(|path, _| present.contains(path));
        for path in present {
            if let Entry::Vacant(new) = self.logs.entry(path) {
                let log = match File::options().read(true).write(true).open(new.key()) {
                    // Its data has just been moved to a table.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    log => log?,
                };
                rewrite(&log)?;
                new.insert(log);
            }
        }
        self.logs.values().try_for_each(File::sync_data)
    }
}

/// Writes a file's content again, because a sync may have failed before the file was opened here.
fn rewrite(file: &File) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut chunk, offset)?;
        if read == 0 {
            return Ok(());
        }
        file.write_all_at(&chunk[..read], offset)?;
        offset += read as u64;
    }
}
