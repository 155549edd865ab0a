//! Whom the client trusts, and who it is.

use danube_wasm_egress_dial::{TlsIdentity, TlsSettings};
use danube_wasm_settings::{Kind, Secret, Section, Table, ValueRef, kinds::PemFile};

/// Largest file in PEM, in bytes.
const PEM_BYTES_MAX: usize = 1 << 20;

/// What files say of whom to trust and who this is. With their text, so that a reload sees when they change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    ca: Option<Secret>,
    identity: Option<(Secret, Secret)>,
}

impl TlsFiles {
    /// As the dialer takes it.
    pub(crate) fn settings(&self) -> TlsSettings {
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

impl Section for TlsFiles {
    const ABOUT: &'static str = "Whom to trust instead of the authorities of this system, and who this is. TLS 1.2 or later; a \
        certificate is always checked.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let ca = t
            .field(
                "ca_file",
                Pem("CERTIFICATE"),
                "Certificates of the authorities to trust, PEM.",
            )
            .example("\"tls/ca.pem\"")
            .optional();
        let cert = t
            .field(
                "cert_file",
                Pem("CERTIFICATE"),
                "Certificate to show where one is asked for, PEM.",
            )
            .example("\"tls/client.pem\"")
            .optional();
        let key = t
            .field("key_file", Pem("PRIVATE KEY"), "Private key of the certificate, PEM.")
            .example("\"tls/client.key\"")
            .optional();
        for (given, needed) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
            if t.given(given) && !t.given(needed) {
                let message = format!("`{given}` needs `{needed}`");
                t.session().error(&t.span(given), message, format!("add `{needed}`"));
            }
        }
        Some(Self {
            ca,
            identity: cert.zip(key),
        })
    }
}

/// Reads the path of a file in PEM; becomes its text.
struct Pem(&'static str);

impl Kind for Pem {
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
