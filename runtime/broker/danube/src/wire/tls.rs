//! TLS from the files that options name, and the sentences for what can be wrong with it.

use std::{fs, io, path::Path, sync::Arc};

use danube_wasm_broker::{BrokerError, ErrorKind, Result};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error as TlsError, InvalidMessage, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::Address;
use crate::options::Tls;

/// Reads the files; blocks for as long as that takes.
pub(super) fn client_config(tls: &Tls) -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(format!("TLS cannot be set up: {e}")))?
        .with_root_certificates(roots(tls.ca_file.as_deref())?);
    let mut config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = certificates(&identity.cert_file)?;
            let key = PrivateKeyDer::from_pem_slice(&read(&identity.key_file)?)
                .map_err(|e| unusable(&identity.key_file, "a PEM private key", &e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                let (cert, key) = (identity.cert_file.display(), identity.key_file.display());
                refused(format!(
                    "the client certificate {cert} and the key {key} do not belong together: {e}"
                ))
            })?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            return Err(refused("this system has no certificate authorities: set `ca_file`"));
        }
        return Ok(roots);
    };
    for certificate in certificates(file)? {
        roots
            .add(certificate)
            .map_err(|e| unusable(file, "certificates of an authority", &e))?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|e| unusable(file, "PEM certificates", &e))?;
    match found.is_empty() {
        true => Err(refused(format!("{} holds no PEM certificate", file.display()))),
        false => Ok(found),
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(|e| refused(format!("cannot read {}: {e}", file.display())))
}

fn unusable(file: &Path, what: &str, why: &dyn std::fmt::Display) -> BrokerError {
    refused(format!("{} does not hold {what}: {why}", file.display()))
}

fn refused(message: impl Into<String>) -> BrokerError {
    BrokerError::new(ErrorKind::Denied, message)
}

/// What a failed handshake means, if `error` comes from one.
pub(super) fn explain(address: &Address, error: &io::Error) -> Option<String> {
    let tls = error.get_ref()?.downcast_ref::<TlsError>()?;
    Some(explain_tls(address, tls))
}

pub(super) fn explain_tls(address: &Address, error: &TlsError) -> String {
    let host = &address.host;
    match error {
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => format!(
            "the broker at {address} does not speak TLS on that port: write `http://`, or switch TLS on in the broker"
        ),
        TlsError::InvalidCertificate(why) => {
            let (what, cure) = match why {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => (
                    "is signed by an authority that is not trusted here".to_owned(),
                    "set `ca_file` to the authority's certificate".to_owned(),
                ),
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                    "has expired".to_owned(),
                    "renew it, and check this machine's clock".to_owned(),
                ),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                    "is not valid yet".to_owned(),
                    "check the clocks of both machines".to_owned(),
                ),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
                    format!("was not made for the name `{host}`"),
                    "use a name that is in it, or have one made for this name".to_owned(),
                ),
                other => (format!("is not acceptable: {other}"), "have a new one made".to_owned()),
            };
            format!("the certificate of the broker at {address} {what}: {cure}")
        }
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure | AlertDescription::AccessDenied,
        ) => format!("the broker at {address} wants a client certificate: set the client's certificate and key files"),
        TlsError::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::DecryptError,
        ) => format!(
            "the broker at {address} does not accept this client's certificate ({error}): use one that its authority \
             has signed and that has not expired"
        ),
        other => format!("TLS with the broker at {address} failed: {other}"),
    }
}
