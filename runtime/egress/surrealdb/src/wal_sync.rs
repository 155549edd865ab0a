//! Asks the kernel whether the log is on disk.
//!
//! SurrealDB does not tell of every sync that failed: some of its own commits it tries again, of others it drops the error,
//! and a transaction that somebody else has begun, or ours that we gave up waiting for, is visible before its sync comes
//! back. What a failed sync did not write stays in the page cache as if it had been written, no later sync writes it, and
//! at the next start the log ends there, whatever was acknowledged behind it. But Linux tells every open file of such a
//! failure once. So we have the log open, too, and after a batch sync it ourselves: what the batch wrote and what it found
//! done is then on disk, or the store is opened anew. (Another sync of a file that has nothing left to write costs little.)

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use crate::files;

/// Bytes that are read and written again at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Of one store, for as long as it is open.
pub(crate) struct WalSync {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: BTreeMap<PathBuf, File>,
    /// The kernel says it only once.
    failed: Option<String>,
}

impl WalSync {
    /// Knows the logs that are there now, and that they are on disk.
    pub(crate) fn of(directory: &Path) -> io::Result<Self> {
        let wal_sync = Self {
            directory: directory.to_owned(),
            state: Mutex::default(),
        };
        wal_sync.sync().map(|()| wal_sync)
    }

    /// Returns once everything that is in the logs is on disk; never again after it once was not.
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
        let there = files::logs(directory)?;
        self.logs.retain(|path, _| there.contains(path));
        for path in there {
            if let Entry::Vacant(unknown) = self.logs.entry(path) {
                let log = match File::options().read(true).write(true).open(unknown.key()) {
                    // What it held has just been moved to a table.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    log => log?,
                };
                write_again(&log)?;
                unknown.insert(log);
            }
        }
        self.logs.values().try_for_each(File::sync_data)
    }
}

/// What was written before the file was opened here may have failed to be synced.
fn write_again(file: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut piece, offset)?;
        if read == 0 {
            return Ok(());
        }
        file.write_all_at(&piece[..read], offset)?;
        offset += read as u64;
    }
}
