//! A file whose tag has been checked.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::Path,
    time::SystemTime,
};

use hmac::{Hmac, Mac};
use rustix::process::geteuid;
use sha2::Sha256;
use wasmtime::{Engine, component::Component};

/// Bytes of the tag, which ends a file.
const TAG_BYTES: usize = 32;
/// Bytes that are read at once to check it.
const CHUNK_BYTES: usize = 256 << 10;

/// An open file of this installation: its content is what this installation wrote under this name.
pub(super) struct AuthenticFile {
    file: File,
    content_bytes: u64,
}

impl AuthenticFile {
    /// Opens a file and checks that it ends with the tag that `mac` makes of its content. `Ok(None)` if there is none.
    pub(super) fn open(path: &Path, mac: Hmac<Sha256>) -> io::Result<Option<Self>> {
        let flags = nix::fcntl::OFlag::O_NOFOLLOW.bits();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let meta = file.metadata()?;
        if meta.uid() != geteuid().as_raw() || meta.mode() & 0o022 != 0 {
            return Err(io::Error::other("others own it or can change it"));
        }
        let content_bytes =
            (meta.size().checked_sub(TAG_BYTES as u64)).ok_or_else(|| io::Error::other("it is cut short"))?;
        let authentic = Self { file, content_bytes };
        authentic.check(mac)?;
        Ok(Some(authentic))
    }

    fn check(&self, mut mac: Hmac<Sha256>) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut at = 0;
        while at < self.content_bytes {
            let left = usize::try_from(self.content_bytes - at).unwrap_or(CHUNK_BYTES);
            let part = &mut chunk[..left.min(CHUNK_BYTES)];
            self.file.read_exact_at(part, at)?;
            mac.update(part);
            at += part.len() as u64;
        }
        let mut tag = [0; TAG_BYTES];
        self.file.read_exact_at(&mut tag, at)?;
        mac.verify_slice(&tag)
            .map_err(|_| io::Error::other("its tag is wrong: it was changed, or written by another installation"))
    }

    /// The content, without the tag.
    pub(super) fn content(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        (&self.file).take(self.content_bytes).read_to_end(&mut content)?;
        Ok(content)
    }

    /// The component, whose artifact this is: mapped, or copied where the file system does not permit to map code.
    pub(super) fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        match self.mapped(engine) {
            Ok(component) => Ok(component),
            Err(error) => {
                tracing::debug!(%error, "an artifact is copied, because it cannot be mapped");
                super::deserialize(engine, &self.content()?)
            }
        }
    }

    #[allow(unsafe_code)]
    fn mapped(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // This leads to the open file itself, whatever has its name by now.
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        // SAFETY: `deserialize_file` runs what it is given, and maps it for as long as the component lives. The file is
        // this installation's own: its tag was checked over this open file. Nobody but this user can write to it, and
        // nothing of this program does once it has its name; see the module's documentation.
        unsafe { Component::deserialize_file(engine, path) }
    }

    /// Sets the time of use, for eviction. A failure only makes it go sooner.
    pub(super) fn used(&self) {
        let _ = self.file.set_modified(SystemTime::now());
    }
}
