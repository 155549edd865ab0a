//! The key of this installation: 32 random bytes in a file that only its owner can read.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Length of the key, in bytes.
pub(super) const KEY_BYTES: usize = 32;

/// A key, kept out of debug output.
pub(super) struct Key(pub(super) [u8; KEY_BYTES]);

/// Reads the key, or makes it at first use. Two processes that start together end up with the same one.
pub(super) fn load_or_create(path: &Path) -> io::Result<Key> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            read(path)
        }
        other => other,
    }
}

fn read(path: &Path) -> io::Result<Key> {
    let mut file = fs::File::open(path)?;
    let meta = file.metadata()?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other(format!(
            "`{}` can be read by others (mode {:o}): remove it, and a new one is made",
            path.display(),
            meta.permissions().mode() & 0o777
        )));
    }
    if meta.size() != KEY_BYTES as u64 {
        return Err(io::Error::other(format!(
            "`{}` is damaged: it has {} bytes instead of {KEY_BYTES}; remove it, and a new one is made",
            path.display(),
            meta.size()
        )));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key)?;
    Ok(Key(key))
}

/// Writes the key to a temporary file, then hard-links it into place. Another process that was faster keeps its key.
fn create(path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let aside = path.with_extension(format!("new-{}", super::unique()));
    let written = write_private(&aside, &[&key]).and_then(|()| match fs::hard_link(&aside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let removed = fs::remove_file(&aside);
    written.and(removed)
}

/// A new file that only its owner can read, on the disk when this returns.
pub(super) fn write_private(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}
