//! Certificates made for one test, in files.
#![allow(dead_code, reason = "not every test uses all")]

use std::path::{Path, PathBuf};

use danube_wasm_test_certs::{self as certs, write_pem};

/// An authority and where its files are.
pub struct Authority {
    issuer: certs::Authority,
    directory: PathBuf,
    ca_file: PathBuf,
}

impl Authority {
    pub fn new(directory: &Path, name: &str) -> Self {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory).expect("a directory");
        let issuer = certs::Authority::new();
        let ca_file = write_pem(&directory, "ca.pem", &issuer.pem());
        Self {
            issuer,
            directory,
            ca_file,
        }
    }

    /// Its own certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.ca_file.clone()
    }

    /// A certificate for this name and its key.
    pub fn certificate(&self, name: &str, expired: bool) -> (PathBuf, PathBuf) {
        let identity = match expired {
            true => self.issuer.issue_expired(&[name]),
            false => self.issuer.issue(&[name]),
        };
        identity.write(&self.directory, name)
    }

    /// Lines of a server's configuration that shows this certificate.
    pub fn server(&self, name: &str, expired: bool, more: &str) -> String {
        let (cert, key) = self.certificate(name, expired);
        format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", timeout: 5, {more} }}",
            cert.display(),
            key.display()
        )
    }
}
