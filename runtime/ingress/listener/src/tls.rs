//! TLS: certificate and key from PEM files, HTTP/2 and HTTP/1.1 by ALPN.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use tokio_rustls::TlsAcceptor;

/// Paths of the certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// The server's certificate first, then the intermediate ones.
    pub cert_path: PathBuf,
    /// The private key: PKCS #8, PKCS #1 or SEC 1.
    pub key_path: PathBuf,
    /// Clients must have a certificate of one of these authorities, PEM; without, none is asked for.
    pub client_ca_path: Option<PathBuf>,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificates could be read.
    #[error("the certificate file {} cannot be read: {source}; it must hold PEM certificates", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// No key could be read.
    #[error("the key file {} cannot be read: {source}; it must hold one PEM private key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// No authorities could be read.
    #[error("the file of authorities {} cannot be used: {reason}; it must hold PEM certificates of authorities", path.display())]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// They do not match, or their kind is not supported.
    #[error("the certificate {} and the key {} cannot be used together: {source}", cert_path.display(), key_path.display())]
    Mismatch {
        /// The certificate's file.
        cert_path: PathBuf,
        /// The key's file.
        key_path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// Reads the files. The cryptography provider is named here instead of using the process default, which any other crate
/// could change.
pub(crate) fn acceptor(options: &TlsOptions) -> Result<TlsAcceptor, TlsError> {
    let certificate = |source| TlsError::Certificate {
        path: options.cert_path.clone(),
        source,
    };
    let chain = certificates(&options.cert_path).map_err(certificate)?;
    let key = PrivateKeyDer::from_pem_file(&options.key_path).map_err(|source| TlsError::Key {
        path: options.key_path.clone(),
        source,
    })?;
    let mismatch = |source| TlsError::Mismatch {
        cert_path: options.cert_path.clone(),
        key_path: options.key_path.clone(),
        source,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(mismatch)?;
    let builder = match &options.client_ca_path {
        None => builder.with_no_client_auth(),
        Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(mismatch)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() {
        return Err(pem::Error::NoItemsFound);
    }
    Ok(chain)
}

/// Asks clients for a certificate of one of these authorities.
fn client_verifier(path: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let refused = |reason: String| TlsError::ClientCa {
        path: path.to_owned(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path).map_err(|error| refused(error.to_string()))? {
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| refused(error.to_string()))
}
