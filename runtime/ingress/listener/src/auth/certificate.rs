//! Certificates that clients show when TLS begins. The listener has checked that one of its authorities issued it.

use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::{AuthError, Denied};

const CHALLENGE: &str = "ClientCertificate";

/// Whose certificates an endpoint accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCertificate {
    names: Vec<ServerName<'static>>,
    fingerprints: Vec<[u8; 32]>,
}

impl ClientCertificate {
    /// Accepts a certificate that is made for one of these DNS names or addresses, or has one of these SHA-256 fingerprints in
    /// hexadecimal digits, with or without colons. Any that the listener's authorities issued if there is neither.
    pub fn try_new(names: &[String], fingerprints: &[String]) -> Result<Self, AuthError> {
        let name = |name: &String| ServerName::try_from(name.clone()).map_err(|_| AuthError::Name(name.clone()));
        let fingerprint = |text: &String| {
            let bytes = hex::decode(text.replace(':', "")).ok();
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| AuthError::Fingerprint(text.clone()))
        };
        Ok(Self {
            names: names.iter().map(name).collect::<Result<_, _>>()?,
            fingerprints: fingerprints.iter().map(fingerprint).collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn authenticate(&self, certificate: Option<&CertificateDer<'_>>) -> Result<(), Denied> {
        let Some(certificate) = certificate else {
            return Err(Denied::unauthenticated(
                CHALLENGE,
                "the client showed no certificate when TLS began",
            ));
        };
        let is_any = self.names.is_empty() && self.fingerprints.is_empty();
        if is_any || self.has_fingerprint(certificate) || self.has_name(certificate) {
            return Ok(());
        }
        Err(Denied {
            forbidden: true,
            ..Denied::unauthenticated(
                CHALLENGE,
                "the client's certificate is valid, but not for this endpoint",
            )
        })
    }

    fn has_fingerprint(&self, certificate: &CertificateDer<'_>) -> bool {
        let found = digest(&SHA256, certificate);
        self.fingerprints.iter().any(|known| found.as_ref() == known)
    }

    fn has_name(&self, certificate: &CertificateDer<'_>) -> bool {
        let parsed = EndEntityCert::try_from(certificate).ok();
        let is_for = |name| {
            parsed
                .as_ref()
                .is_some_and(|parsed| parsed.verify_is_valid_for_subject_name(name).is_ok())
        };
        self.names.iter().any(is_for)
    }
}
