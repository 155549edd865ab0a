//! Certificates made for one test.

use std::path::{Path, PathBuf};

use danube_wasm_broker_danube::{Identity, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tonic::transport::{Certificate, Identity as ServerIdentity, ServerTlsConfig};

/// An authority and where its files are.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    pub fn new(directory: &Path, name: &str) -> Self {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(directory.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    fn sign(&self, names: &[&str], expired: bool) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server for these names; with `clients`, one that wants certificates of that authority.
    pub fn server(&self, names: &[&str], expired: bool, clients: Option<&Self>) -> ServerTlsConfig {
        // Built with the whole workspace, rustls has two to choose from.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (certificate, key) = self.sign(names, expired);
        let config = ServerTlsConfig::new().identity(ServerIdentity::from_pem(certificate, key));
        match clients {
            Some(clients) => config.client_ca_root(Certificate::from_pem(clients.issuer.pem())),
            None => config,
        }
    }

    /// What a client needs to trust this authority.
    pub fn trusted(&self) -> Tls {
        Tls {
            ca_file: Some(self.directory.join("ca.pem")),
            identity: None,
        }
    }

    /// A client's certificate by this authority.
    pub fn identity(&self, name: &str) -> Identity {
        let (certificate, key) = self.sign(&[name], false);
        let (cert_file, key_file) = (
            self.directory.join(format!("{name}.pem")),
            self.directory.join(format!("{name}.key")),
        );
        std::fs::write(&cert_file, certificate).unwrap();
        std::fs::write(&key_file, key).unwrap();
        Identity { cert_file, key_file }
    }
}
