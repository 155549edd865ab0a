//! Compiled components on disk, and the functions that their compilation left for later ones.
//!
//! An artifact is machine code, so it is run only if this installation wrote it: each file ends with an HMAC-SHA256 tag,
//! which is keyed with [`key`] and covers the file's name too, and it is compared in constant time before anything looks
//! at the artifact. A file that does not pass (tampered with, cut short, written by another installation) is removed,
//! and the component is compiled again. Files of functions are kept and checked in the same way.
//!
//! An artifact is mapped, not copied: its pages are shared by all that use the component, are read when they are run
//! first, and can be dropped when memory is short. So the file has to stay as it was when its tag was checked. The tag
//! is checked over an open file, and that same file is mapped, whatever its name leads to by then. It belongs to this
//! user, nobody else can write to it or to its directory, and it is read-only from the moment it is there: files are
//! written under a temporary name and renamed, never changed. Only this user, who could read the key as well, is able
//! to change it afterwards. A sealed copy in memory would keep even this user from that, and would cost again what
//! mapping saves. Where a file system does not permit code to be mapped (`noexec`) the artifact is copied.
//!
//! The file's name is the component's digest and the engine's compatibility hash, so that another version or processor
//! never loads an old artifact.

mod file;
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

use file::AuthenticFile;
use key::Key;

/// Endings of the files' names.
const ARTIFACT: &str = "cwasm";
const FUNCTIONS: &str = "functions";
const LINES: &str = "lines";

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
        let path = self.path(digest, ARTIFACT);
        let file = self.authentic(&path)?;
        match file.component(engine) {
            Ok(component) => {
                file.used();
                Some(component)
            }
            Err(error) => self.refuse(&path, &format!("{error:#}")),
        }
    }

    /// Keeps an artifact that was just compiled, then makes room if there is too much.
    pub(crate) fn store(&self, digest: &str, artifact: &[u8]) -> io::Result<()> {
        let path = self.path(digest, ARTIFACT);
        self.write(&path, artifact)?;
        self.evict(&path)
    }

    /// Functions that compilations left, as packs one after another, those of the newest files first.
    pub(crate) fn functions(&self, bytes_max: usize) -> Vec<u8> {
        let ending = format!("-{}.{FUNCTIONS}", self.compatibility);
        let mut files = self.files().unwrap_or_default();
        files.retain(|(_, _, path)| path.to_string_lossy().ends_with(&ending));
        let mut packs = Vec::new();
        for (_, bytes, path) in files.into_iter().rev() {
            let fits = usize::try_from(bytes).is_ok_and(|bytes| bytes <= bytes_max - packs.len());
            if !fits {
                continue;
            }
            let Some(file) = self.authentic(&path) else { continue };
            match file.content() {
                Ok(pack) => {
                    file.used();
                    packs.extend(pack);
                }
                Err(error) => tracing::warn!(file = %path.display(), %error, "functions cannot be read"),
            }
        }
        packs
    }

    /// Keeps the functions that a compilation left.
    pub(crate) fn store_functions(&self, digest: &str, pack: &[u8]) -> io::Result<()> {
        self.write(&self.path(digest, FUNCTIONS), pack)
    }

    /// The lines of a component's source, as its compilation left them; nothing if it has no debug information.
    pub(crate) fn lines(&self, digest: &str) -> Option<Vec<u8>> {
        let file = self.authentic(&self.path(digest, LINES))?;
        let lines = file.content();
        file.used();
        lines.ok()
    }

    /// Keeps the lines that a compilation left.
    pub(crate) fn store_lines(&self, digest: &str, lines: &[u8]) -> io::Result<()> {
        self.write(&self.path(digest, LINES), lines)
    }

    fn path(&self, digest: &str, extension: &str) -> PathBuf {
        self.dir.join(format!("{digest}-{}.{extension}", self.compatibility))
    }

    /// Opens a file and checks its tag. Nothing if it is not there, or was refused.
    fn authentic(&self, path: &Path) -> Option<AuthenticFile> {
        let tag = self.tag(path)?;
        match AuthenticFile::open(path, tag) {
            Ok(file) => file,
            Err(error) => self.refuse(path, &error.to_string()),
        }
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut tag = self.tag(path).ok_or_else(|| io::Error::other("no key"))?;
        tag.update(content);
        let tag = tag.finalize().into_bytes();
        let aside = path.with_extension(format!("new-{}", unique()));
        let written = key::write_private(&aside, &[content, &tag])
            .and_then(|()| fs::set_permissions(&aside, fs::Permissions::from_mode(0o400)))
            .and_then(|()| fs::rename(&aside, path));
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written
    }

    /// The tag of a file with this name, of which the content is still missing.
    fn tag(&self, path: &Path) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length, so this is always there.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.0).ok()?;
        mac.update(path.file_name()?.as_encoded_bytes());
        mac.update(b"\0");
        Some(mac)
    }

    fn refuse<T>(&self, path: &Path, reason: &str) -> Option<T> {
        tracing::warn!(file = %path.display(), reason, "a compiled component was refused; it is compiled again");
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(file = %path.display(), %error, "the refused file cannot be removed");
        }
        None
    }

    /// Times of use, sizes and paths of all files but the key, the longest unused first.
    fn files(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|e| e == ARTIFACT || e == FUNCTIONS || e == LINES)
            {
                let meta = entry.metadata()?;
                files.push((meta.modified()?, meta.len(), path));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Removes what was unused longest until the rest fits; never the newest.
    fn evict(&self, newest: &Path) -> io::Result<()> {
        let files = self.files()?;
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
    // compiler: `Sandbox` straight from the compiling child, `AuthenticFile` after checking a tag that only the
    // holder of the installation's key can make. Wasmtime itself checks that version and settings fit.
    unsafe { Component::deserialize(engine, artifact) }
}

/// A name that no other file of this directory has.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
