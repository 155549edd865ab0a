//! Certificates as a server and a client of Danube take them.

use danube_wasm_broker_danube::{Identity, Tls};
use danube_wasm_test_certs::FileAuthority;
use tonic::transport::{Certificate, Identity as ServerIdentity, ServerTlsConfig};

/// A server for these names; with `clients`, one that wants certificates of that authority.
pub fn server(
    authority: &FileAuthority,
    names: &[&str],
    expired: bool,
    clients: Option<&FileAuthority>,
) -> ServerTlsConfig {
    // Built with the whole workspace, rustls has two to choose from.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let identity = match expired {
        true => authority.issue_expired(names),
        false => authority.issue(names),
    };
    let config = ServerTlsConfig::new().identity(ServerIdentity::from_pem(identity.cert, identity.key));
    match clients {
        Some(clients) => config.client_ca_root(Certificate::from_pem(clients.pem())),
        None => config,
    }
}

/// What a client needs to trust this authority.
pub fn trusting(authority: &FileAuthority) -> Tls {
    Tls {
        ca_file: Some(authority.ca_file()),
        identity: None,
    }
}

/// A client's certificate by this authority.
pub fn identity(authority: &FileAuthority, name: &str) -> Identity {
    let (cert_file, key_file) = authority.issue_files(name);
    Identity { cert_file, key_file }
}
