//! Whom a TLS connection trusts, and who we are.

use std::path::PathBuf;

use danube_wasm_egress_dial::{TlsIdentity, TlsSettings};
use danube_wasm_settings::{Section, Table, kinds::PemFile};

/// Files of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Authorities to trust instead of the operating system's.
    pub ca_path: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl Section for TlsConfig {
    const ABOUT: &'static str = "TLS of a connection. The server's certificate must be made for the host of `url`. Files are read \
        anew for each connection.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let ca_path = t
            .field(
                "ca_path",
                PemFile("CERTIFICATE"),
                "Authorities to trust, PEM, instead of the operating system's.",
            )
            .example("\"tls/ca.pem\"")
            .optional();
        let cert_path = t
            .field(
                "cert_path",
                PemFile("CERTIFICATE"),
                "Our own certificate chain, PEM, for servers that ask for one.",
            )
            .example("\"tls/client.pem\"")
            .optional();
        let key_path = t
            .field("key_path", PemFile("PRIVATE KEY"), "Key of our own certificate, PEM.")
            .example("\"tls/client-key.pem\"")
            .optional();
        for (key, other) in [("cert_path", "key_path"), ("key_path", "cert_path")] {
            if t.given(key) && !t.given(other) {
                t.session().error(
                    &t.span(key),
                    format!("`{key}` needs `{other}`"),
                    format!("add `{other}`"),
                );
            }
        }
        Some(Self {
            ca_path,
            identity: cert_path.zip(key_path),
        })
    }
}

impl TlsConfig {
    /// Reads the files.
    pub(crate) async fn settings(&self) -> Result<TlsSettings, String> {
        let identity = match &self.identity {
            Some((cert, key)) => Some(TlsIdentity {
                cert_pem: read(cert).await?,
                key_pem: read(key).await?,
            }),
            None => None,
        };
        let ca_pem = match &self.ca_path {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        Ok(TlsSettings { ca_pem, identity })
    }
}

async fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    let read = tokio::fs::read(path).await;
    read.map_err(|error| {
        format!(
            "{} cannot be read ({error}): put the file there, or correct the path",
            path.display()
        )
    })
}
