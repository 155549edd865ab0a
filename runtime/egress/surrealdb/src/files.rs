//! Direct access to a store's directory. SurrealKV (0.21.4) keeps its log in `wal/` and long values in `vlog/`, and
//! locks the file `LOCK`.

use std::{
    fs::{self, File},
    io::{
        self,
        ErrorKind::{InvalidInput, NotFound, PermissionDenied, ReadOnlyFilesystem},
    },
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The file that is locked while the store is open.
const LOCK: &str = "LOCK";

/// How often to check whether another owner has released the store.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Creates the directory and makes its name durable: a synced store is lost if its directory entry is not synced. An
/// earlier process may have died between creating and syncing, so every directory above is synced every time.
pub(crate) fn create_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for above in directory
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
    {
        match File::open(above).and_then(|above| above.sync_all()) {
            // These cannot be synced, but nobody has just created something in them either.
            Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | InvalidInput) => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Lists the log files.
pub(crate) fn wal_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    files_in(directory, "wal")
}

/// Whether a log file has content.
pub(crate) fn has_wal(directory: &Path) -> io::Result<bool> {
    has_content(&wal_files(directory)?)
}

/// Whether a value-log file has content.
pub(crate) fn has_value_log(directory: &Path) -> io::Result<bool> {
    has_content(&files_in(directory, "vlog")?)
}

fn has_content(files: &[PathBuf]) -> io::Result<bool> {
    for file in files {
        if fs::metadata(file)?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lists the files in the folder `kind` whose extension is `kind`.
fn files_in(directory: &Path, kind: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory.join(kind)) {
        Err(error) if error.kind() == NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == kind) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Waits until no process has the store open. Returns false if one still has at the limit.
pub(crate) async fn wait_until_unlocked(directory: &Path, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while is_locked(directory) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    true
}

/// Whether a process has the store open.
pub(crate) fn is_locked(directory: &Path) -> bool {
    File::open(directory.join(LOCK)).is_ok_and(|file| file.try_lock_shared().is_err())
}

/// Returns the process that has the store open. `None` if it is in another container: the kernel shows only our own.
pub(crate) fn lock_holder(directory: &Path) -> Option<u32> {
    let inode = fs::metadata(directory.join(LOCK)).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF`
    locks.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (pid, file) = (fields.get(4)?, fields.get(5)?);
        let is_it = file.rsplit(':').next() == Some(&inode);
        pid.parse().ok().filter(|pid| is_it && *pid > 0)
    })
}
