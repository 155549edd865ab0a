//! TLS connections and their configuration.

use std::{fmt, io, sync::Arc};

use rustls::{ClientConfig, Error as RustlsError, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{DialError, host::Host};

/// The trusted authorities and the identity of a TLS client.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// PEM certificates of the authorities to trust instead of the operating system's.
    pub ca_pem: Option<Vec<u8>>,
    /// The client certificate for servers that request one.
    pub identity: Option<TlsIdentity>,
}

/// A client's certificate and its key.
#[derive(Clone)]
pub struct TlsIdentity {
    /// PEM certificates, the client's first.
    pub cert_pem: Vec<u8>,
    /// The PEM private key of the client's certificate.
    pub key_pem: Vec<u8>,
}

/// The TLS settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum TlsSettingsError {
    /// The text contains no certificate, or an invalid one.
    #[error("{what} holds no usable PEM certificate: {why}")]
    Certificates {
        /// The setting: `the authority` or `the client certificate`.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The text contains no private key.
    #[error("the client's key is no PEM private key: {0}")]
    Key(String),
    /// Certificate and key do not match.
    #[error("the client certificate and the key do not belong together: {0}")]
    Mismatch(RustlsError),
    /// The operating system has no trusted authorities.
    #[error("this system has no certificate authorities: name one, or install the system's (`ca-certificates`)")]
    NoSystemRoots,
    /// rustls refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Setup(RustlsError),
}

impl TlsSettings {
    /// Returns a configuration for TLS 1.2 and 1.3, without ALPN: clone it and set `alpn_protocols` if a protocol
    /// needs that. Without `ca_pem` it reads the system's authorities from disk, which blocks.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, TlsSettingsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsSettingsError::Setup)?
            .with_root_certificates(self.roots()?);
        let Some(identity) = &self.identity else {
            return Ok(Arc::new(builder.with_no_client_auth()));
        };
        let chain = certificates("the client certificate", &identity.cert_pem)?;
        let key = PrivateKeyDer::from_pem_slice(&identity.key_pem).map_err(|e| TlsSettingsError::Key(e.to_string()))?;
        let config = builder.with_client_auth_cert(chain, key);
        config.map(Arc::new).map_err(TlsSettingsError::Mismatch)
    }

    fn roots(&self) -> Result<RootCertStore, TlsSettingsError> {
        let mut roots = RootCertStore::empty();
        let Some(pem) = &self.ca_pem else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            return match roots.is_empty() {
                true => Err(TlsSettingsError::NoSystemRoots),
                false => Ok(roots),
            };
        };
        let what = "the authority";
        for certificate in certificates(what, pem)? {
            let added = roots.add(certificate);
            added.map_err(|e| TlsSettingsError::Certificates {
                what,
                why: e.to_string(),
            })?;
        }
        Ok(roots)
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsSettingsError> {
    let unusable = |why: String| TlsSettingsError::Certificates { what, why };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable("there is none".to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// Starts TLS on an existing connection, for protocols that begin without it (PostgreSQL). The certificate must be
/// valid for `host`. There is no timeout: add one around it.
///
/// # Errors
///
/// The certificate is not accepted, or the handshake fails.
pub async fn start_tls<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<S>, DialError> {
    let name = Host::parse(host)?.server_name()?;
    let secured = TlsConnector::from(tls.clone()).connect(name, stream).await;
    secured.map_err(|error| failed(host, error))
}

fn failed(host: &str, source: io::Error) -> DialError {
    let host = host.to_owned();
    let cause = source.get_ref().and_then(|inner| inner.downcast_ref());
    match cause {
        Some(RustlsError::InvalidCertificate(fault)) => DialError::Certificate {
            host,
            fault: fault.clone(),
        },
        _ => DialError::Tls { host, source },
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key.
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}
