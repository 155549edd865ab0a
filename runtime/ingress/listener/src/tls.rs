//! TLS: certificate and key from PEM files, HTTP/2 and HTTP/1.1 by ALPN.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
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
    /// Authorities of the certificates that clients may show. Which endpoints need one is theirs to say.
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
    /// The authorities cannot be used.
    #[error("the authorities of clients in {} cannot be used: {why}", path.display())]
    ClientAuthority {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
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
    let chain = certificates(&options.cert_path)?;
    let key = PrivateKeyDer::from_pem_file(&options.key_path).map_err(|source| TlsError::Key {
        path: options.key_path.clone(),
        source,
    })?;
    let clients = match &options.client_ca_path {
        Some(path) => client_verifier(path)?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_client_cert_verifier(clients).with_single_cert(chain, key))
        .map_err(|source| TlsError::Mismatch {
            cert_path: options.cert_path.clone(),
            key_path: options.key_path.clone(),
            source,
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.and_then(|found| match found.is_empty() {
        true => Err(pem::Error::NoItemsFound),
        false => Ok(found),
    });
    found.map_err(|source| TlsError::Certificate {
        path: path.to_owned(),
        source,
    })
}

/// Checks certificates that clients show. One without any gets in: endpoints say which of them need one.
fn client_verifier(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let refused = |why: String| TlsError::ClientAuthority {
        path: path.to_owned(),
        why,
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority).map_err(|error| refused(error.to_string()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.allow_unauthenticated().build();
    verifier.map_err(|error| refused(error.to_string()))
}
