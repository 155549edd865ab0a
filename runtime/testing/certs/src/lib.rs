//! Certificates made for one test: an [`Authority`], what it [issues](Authority::issue) for a server or a client, and a
//! server that shows it; a [`FileAuthority`] where programs read them from files.

mod files;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use files::FileAuthority;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::TlsAcceptor;

/// An authority that issues certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: String,
    /// Its key.
    pub key: String,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, which nobody trusts yet.
    ///
    /// # Panics
    ///
    /// If there is no chance left on this machine, as do all that make keys.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        // Otherwise all certificates have one name, and each looks as if it had signed itself.
        let name = "an authority of this test";
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names and addresses; the first is its subject, too.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.sign(names, |_| ())
    }

    /// One that is valid no more.
    pub fn issue_expired(&self, names: &[&str]) -> Identity {
        self.sign(names, |params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let subject = names.first().copied().unwrap_or_default();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, subject);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        Identity {
            cert: params.signed_by(&key, &self.0).expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }

    /// A server of this name; with `clients`, one that wants certificates of that authority.
    pub fn server(&self, name: &str, clients: Option<&Self>) -> TlsAcceptor {
        self.issue(&[name]).server(clients)
    }
}

impl Identity {
    /// A server that shows it; with `clients`, one that wants certificates of that authority.
    ///
    /// # Panics
    ///
    /// If certificate and key do not belong together.
    pub fn server(&self, clients: Option<&Authority>) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                let authority = CertificateDer::from_pem_slice(clients.pem().as_bytes());
                roots.add(authority.expect("PEM")).expect("an authority");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let chain = CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("PEM");
        let config = builder.with_single_cert(vec![chain], key).expect("an identity");
        TlsAcceptor::from(Arc::new(config))
    }

    /// Writes it as `NAME.pem` and `NAME-key.pem`, and gives both paths.
    pub fn write(&self, dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let cert = write_pem(dir, &format!("{name}.pem"), &self.cert);
        (cert, write_pem(dir, &format!("{name}-key.pem"), &self.key))
    }
}

/// Writes PEM into a file of this name, and gives its path.
///
/// # Panics
///
/// If it cannot be written.
pub fn write_pem(dir: &Path, name: &str, pem: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, pem).expect("a file");
    path
}
