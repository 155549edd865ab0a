//! What we do with a store's directory ourselves. SurrealKV (0.21.4) keeps its log in `wal/` and long values in `vlog/`,
//! and holds a lock on `LOCK`.

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

/// The file that whoever has the store open holds a lock on.
const LOCK: &str = "LOCK";

/// How often to look whether another owner has let go of the store's files.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Makes the directory, and its name durable: a store that is synced in a directory that is not is lost with it. Whoever
/// made it may have died before that, so it is done every time, and for all the directories above.
pub(crate) fn make_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for above in directory
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
    {
        match File::open(above).and_then(|above| above.sync_all()) {
            // Nobody has just made something in these.
            Err(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | InvalidInput) => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// The logs that are there.
pub(crate) fn logs(directory: &Path) -> io::Result<Vec<PathBuf>> {
    files(directory, "wal")
}

/// Whether there is a log with something in it.
pub(crate) fn has_log(directory: &Path) -> io::Result<bool> {
    has_content(&logs(directory)?)
}

/// Whether there are files of long values.
pub(crate) fn has_values(directory: &Path) -> io::Result<bool> {
    has_content(&files(directory, "vlog")?)
}

fn has_content(files: &[PathBuf]) -> io::Result<bool> {
    for file in files {
        if fs::metadata(file)?.len() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The files of a folder that are named after it.
fn files(directory: &Path, kind: &str) -> io::Result<Vec<PathBuf>> {
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

/// Waits until nobody has the store open; false if somebody still has.
pub(crate) async fn until_free(directory: &Path, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while is_locked(directory) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    true
}

/// Whether somebody has the store open.
pub(crate) fn is_locked(directory: &Path) -> bool {
    File::open(directory.join(LOCK)).is_ok_and(|file| file.try_lock_shared().is_err())
}

/// The process that has the store open, if the kernel tells: in another container it does not.
pub(crate) fn holder(directory: &Path) -> Option<u32> {
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
