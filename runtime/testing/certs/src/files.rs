//! An authority whose certificates are in files.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

use crate::{Authority, Identity, write_pem};

/// An authority and where its files are.
#[derive(Debug)]
pub struct FileAuthority {
    issuer: Authority,
    directory: PathBuf,
    ca_file: PathBuf,
}

impl FileAuthority {
    /// A new one, whose files are in a folder of this name.
    ///
    /// # Panics
    ///
    /// If they cannot be written.
    pub fn new(directory: &Path, name: &str) -> Self {
        let directory = directory.join(name);
        fs::create_dir_all(&directory).expect("a directory");
        let issuer = Authority::new();
        Self {
            ca_file: write_pem(&directory, "ca.pem", &issuer.pem()),
            issuer,
            directory,
        }
    }

    /// Its own certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.ca_file.clone()
    }

    /// The files of a certificate for this name and of its key.
    pub fn issue_files(&self, name: &str) -> (PathBuf, PathBuf) {
        self.write(&self.issuer.issue(&[name]), name)
    }

    /// Writes one of its certificates, and its key, as this name, and gives both paths.
    pub fn write(&self, identity: &Identity, name: &str) -> (PathBuf, PathBuf) {
        identity.write(&self.directory, name)
    }
}

impl Deref for FileAuthority {
    type Target = Authority;

    fn deref(&self) -> &Authority {
        &self.issuer
    }
}
