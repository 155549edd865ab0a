//! Compiled components on disk.
//!
//! An artifact is machine code, so it is run only if this installation wrote it: each file is an HMAC-SHA256 tag
//! followed by the artifact, the tag is keyed with [`key`] and covers the file's name too, and it is compared in
//! constant time before anything looks at the artifact. A file that does not pass (tampered with, cut short, written
//! by another installation) is removed, and the component is compiled again.
//!
//! The file's name is the component's digest and the engine's compatibility hash, so that another version or processor
//! never loads an old artifact. Files are written under a temporary name and renamed.

mod key;

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use wasmtime::{Engine, component::Component};

use key::Key;

const TAG_BYTES: usize = 32;
const EXTENSION: &str = "cwasm";

/// The artifacts of one installation, for one engine.
pub(crate) struct ArtifactCache {
    dir: PathBuf,
    key: Key,
    compatibility: String,
    bytes_max: u64,
}

impl ArtifactCache {
    /// Opens the cache, making its directory and key at first use.
    pub(crate) fn open(dir: &Path, compatibility: String, bytes_max: u64) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // It may have been there before, with other permissions.
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        Ok(Self {
            key: key::load_or_create(&dir.join("key"))?,
            dir: dir.to_owned(),
            compatibility,
            bytes_max,
        })
    }

    /// The compiled component, if it is there and authentic.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let path = self.path(digest);
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.refuse(&path, &error.to_string()),
        };
        let Some((tag, artifact)) = file.split_at_checked(TAG_BYTES) else {
            return self.refuse(&path, "it is cut short");
        };
        if self.tag(digest, artifact)?.verify_slice(tag).is_err() {
            return self.refuse(
                &path,
                "its tag is wrong: it was changed, or written by another installation",
            );
        }
        match deserialize(engine, artifact) {
            Ok(component) => {
                // Its time of use, for eviction. A failure here only makes it go sooner.
                let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                Some(component)
            }
            Err(error) => self.refuse(&path, &format!("{error:#}")),
        }
    }

    /// Keeps an artifact that was just compiled, then makes room if there is too much.
    pub(crate) fn store(&self, digest: &str, artifact: &[u8]) -> io::Result<()> {
        let tag = self.tag(digest, artifact).ok_or_else(|| io::Error::other("no key"))?;
        let tag = tag.finalize().into_bytes();
        let path = self.path(digest);
        let aside = path.with_extension(format!("new-{}", unique()));
        let written = key::write_private(&aside, &[&tag, artifact]).and_then(|()| fs::rename(&aside, &path));
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written.and_then(|()| self.evict(&path))
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}-{}.{EXTENSION}", self.compatibility))
    }

    fn tag(&self, digest: &str, artifact: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length, so this is always there.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.0).ok()?;
        mac.update(digest.as_bytes());
        mac.update(b"\0");
        mac.update(self.compatibility.as_bytes());
        mac.update(b"\0");
        mac.update(artifact);
        Some(mac)
    }

    fn refuse(&self, path: &Path, reason: &str) -> Option<Component> {
        tracing::warn!(file = %path.display(), reason, "a compiled component was refused; it is compiled again");
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(file = %path.display(), %error, "the refused file cannot be removed");
        }
        None
    }

    /// Removes what was unused longest until the rest fits; never the newest.
    fn evict(&self, newest: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let meta = entry.metadata()?;
                files.push((meta.modified()?, meta.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= self.bytes_max {
                break;
            }
            if path != newest {
                fs::remove_file(&path)?;
                total -= bytes;
            }
        }
        Ok(())
    }
}

/// Loads an artifact that this process's compiler has just made, or that the cache has authenticated.
#[allow(unsafe_code)]
pub(crate) fn deserialize(engine: &Engine, artifact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs what it is given. Both callers give it the output of this installation's own
    // compiler: `Sandbox` straight from the compiling child, `ArtifactCache::load` after checking a tag that only the
    // holder of the installation's key can make. Wasmtime itself checks that version and settings fit.
    unsafe { Component::deserialize(engine, artifact) }
}

/// A name that no other file of this directory has.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
