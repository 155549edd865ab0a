//! Certificates made for one test, in files.

use std::path::{Path, PathBuf};

use danube_wasm_broker_danube::{Identity, Tls};
use danube_wasm_test_certs::{self as certs, write_pem};
use tonic::transport::{Certificate, Identity as ServerIdentity, ServerTlsConfig};

/// An authority and where its files are.
pub struct Authority {
    issuer: certs::Authority,
    directory: PathBuf,
    ca_file: PathBuf,
}

impl Authority {
    pub fn new(directory: &Path, name: &str) -> Self {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let issuer = certs::Authority::new();
        let ca_file = write_pem(&directory, "ca.pem", &issuer.pem());
        Self {
            issuer,
            directory,
            ca_file,
        }
    }

    /// A server for these names; with `clients`, one that wants certificates of that authority.
    pub fn server(&self, names: &[&str], expired: bool, clients: Option<&Self>) -> ServerTlsConfig {
        // Built with the whole workspace, rustls has two to choose from.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let identity = match expired {
            true => self.issuer.issue_expired(names),
            false => self.issuer.issue(names),
        };
        let config = ServerTlsConfig::new().identity(ServerIdentity::from_pem(identity.cert, identity.key));
        match clients {
            Some(clients) => config.client_ca_root(Certificate::from_pem(clients.issuer.pem())),
            None => config,
        }
    }

    /// What a client needs to trust this authority.
    pub fn trusted(&self) -> Tls {
        Tls {
            ca_file: Some(self.ca_file.clone()),
            identity: None,
        }
    }

    /// A client's certificate by this authority.
    pub fn identity(&self, name: &str) -> Identity {
        let (cert_file, key_file) = self.issuer.issue(&[name]).write(&self.directory, name);
        Identity { cert_file, key_file }
    }
}
