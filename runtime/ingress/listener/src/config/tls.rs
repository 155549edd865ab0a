//! The table `tls` of a listener.

use danube_wasm_settings::{
    Section, Table,
    kinds::{FilePath, PemFile},
};

use crate::TlsOptions;

impl Section for TlsOptions {
    const ABOUT: &'static str = "Serve HTTPS, HTTP/1.1 and HTTP/2. Without this table, plain HTTP.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let cert_path = t
            .field("cert_path", FilePath, "Certificate chain, PEM.")
            .example("\"tls/cert.pem\"")
            .required();
        let key_path = t
            .field("key_path", FilePath, "Private key, PEM.")
            .example("\"tls/key.pem\"")
            .required();
        let client_ca_path = t
            .field(
                "client_ca_path",
                PemFile("CERTIFICATE"),
                "Authorities of certificates that clients may show, PEM. Endpoints with `auth = { type = \"client_certificate\" }` \
                 need one.",
            )
            .example("\"tls/clients.pem\"")
            .optional();
        Some(Self {
            cert_path: cert_path?,
            key_path: key_path?,
            client_ca_path,
        })
    }
}
