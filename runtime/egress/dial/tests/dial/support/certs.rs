//! Authorities, as the dialer's settings take them.

use std::sync::Arc;

use danube_wasm_egress_dial::{TlsIdentity, TlsSettings};
use danube_wasm_test_certs::{Authority, Identity};
use rustls::ClientConfig;

/// Its certificate, as settings have it.
pub fn pem(authority: &Authority) -> Vec<u8> {
    authority.pem().into_bytes()
}

/// A certificate and its key, as settings have them.
pub fn identity(issued: &Identity) -> TlsIdentity {
    TlsIdentity {
        cert_pem: issued.cert.clone().into_bytes(),
        key_pem: issued.key.clone().into_bytes(),
    }
}

/// A client that trusts this authority only.
pub fn trusting(authority: &Authority, identity: Option<TlsIdentity>) -> Arc<ClientConfig> {
    let ca_pem = Some(pem(authority));
    TlsSettings { ca_pem, identity }.client_config().unwrap()
}
