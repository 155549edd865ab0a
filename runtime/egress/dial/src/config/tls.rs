//! Whom a client trusts, and who it is: the keys `ca_file`, `cert_file` and `key_file`.

use std::path::{Path, PathBuf};

use danube_wasm_settings::{Kind, Secret, Section, Table, ValueRef, kinds::PemFile};

use crate::{TlsIdentity, TlsSettings};

/// Largest file in PEM, in bytes.
const PEM_BYTES_MAX: usize = 1 << 20;

/// Files in PEM of a client's TLS connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles<F> {
    /// Authorities to trust instead of those of the operating system.
    pub ca: Option<F>,
    /// The client's own certificate, and its key.
    pub identity: Option<(F, F)>,
}

/// Files that are read for each connection, so that new ones are used without a reload.
pub type TlsPaths = TlsFiles<PathBuf>;

/// Files that are read with the configuration, so that a reload sees when they change.
pub type TlsTexts = TlsFiles<Secret>;

impl<F> Default for TlsFiles<F> {
    fn default() -> Self {
        Self {
            ca: None,
            identity: None,
        }
    }
}

impl<F> TlsFiles<F> {
    fn read_as<K: Kind<Value = F>>(t: &mut Table<'_>, file: fn(&'static str) -> K) -> Self {
        let ca = t
            .field(
                "ca_file",
                file("CERTIFICATE"),
                "Certificates of the authorities to trust, PEM.",
            )
            .aliases(&["ca_path"])
            .example("\"tls/ca.pem\"")
            .optional();
        let cert = t
            .field(
                "cert_file",
                file("CERTIFICATE"),
                "Certificate chain to show to servers that ask for one, PEM.",
            )
            .aliases(&["cert_path"])
            .example("\"tls/client.pem\"")
            .optional();
        let key = t
            .field("key_file", file("PRIVATE KEY"), "Private key of the certificate, PEM.")
            .aliases(&["key_path"])
            .example("\"tls/client.key\"")
            .optional();
        for (given, needed) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
            if t.given(given) && !t.given(needed) {
                let message = format!("`{given}` needs `{needed}`");
                t.session().error(&t.span(given), message, format!("add `{needed}`"));
            }
        }
        Self {
            ca,
            identity: cert.zip(key),
        }
    }
}

impl Section for TlsTexts {
    const ABOUT: &'static str = "Whom to trust instead of the authorities of this system, and who this is. TLS 1.2 or later; a \
        certificate is always checked.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        Some(Self::read_as(t, PemText))
    }
}

impl Section for TlsPaths {
    const ABOUT: &'static str = "Whom to trust instead of the authorities of this system, and who this is. TLS 1.2 or later; a \
        certificate is always checked, and must be made for the host of `url`. Files are read anew for each connection.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        Some(Self::read_as(t, PemFile))
    }
}

impl TlsTexts {
    /// As the dialer takes it.
    pub fn settings(&self) -> TlsSettings {
        let bytes = |pem: &Secret| pem.expose().as_bytes().to_vec();
        TlsSettings {
            ca_pem: self.ca.as_ref().map(bytes),
            identity: self.identity.as_ref().map(|(cert, key)| TlsIdentity {
                cert_pem: bytes(cert),
                key_pem: bytes(key),
            }),
        }
    }
}

impl TlsPaths {
    /// Reads the files. An error says which one, and what to do.
    pub async fn settings(&self) -> Result<TlsSettings, String> {
        let identity = match &self.identity {
            Some((cert, key)) => Some(TlsIdentity {
                cert_pem: read(cert).await?,
                key_pem: read(key).await?,
            }),
            None => None,
        };
        let ca_pem = match &self.ca {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        Ok(TlsSettings { ca_pem, identity })
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let read = tokio::fs::read(path).await;
    read.map_err(|error| {
        format!(
            "{} cannot be read ({error}): put the file there, or correct the path",
            path.display()
        )
    })
}

/// Reads the path of a file in PEM; becomes its text.
struct PemText(&'static str);

impl Kind for PemText {
    type Value = Secret;

    fn what(&self) -> String {
        PemFile(self.0).what()
    }

    fn show(&self, _: &Secret) -> String {
        "\"***\"".to_owned()
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<Secret> {
        let path = PemFile(self.0).read(input)?;
        input.file_text(&path, PEM_BYTES_MAX).map(Secret::new)
    }
}
