//! TLS: certificate and key from PEM files, HTTP/2 and HTTP/1.1 by ALPN.

use std::{path::PathBuf, sync::Arc};

use rustls::{ServerConfig, crypto::aws_lc_rs};
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
    let chain = CertificateDer::pem_file_iter(&options.cert_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| {
            if chain.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(chain)
            }
        })
        .map_err(|source| TlsError::Certificate {
            path: options.cert_path.clone(),
            source,
        })?;
    let key = PrivateKeyDer::from_pem_file(&options.key_path).map_err(|source| TlsError::Key {
        path: options.key_path.clone(),
        source,
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|source| TlsError::Mismatch {
            cert_path: options.cert_path.clone(),
            key_path: options.key_path.clone(),
            source,
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
