//! Whom a connection trusts, and who we are.

use std::path::PathBuf;

use danube_wasm_settings::{
    SecretSource, Section, Table,
    kinds::{Choice, Credential, PemFile, SecretSourceKind},
};

/// Whether this program has TLS and SCRAM for Kafka.
const HAS_TLS: bool = cfg!(feature = "tls");

/// What to do about a program without.
const BUILD_WITH_TLS: &str =
    "take a program that was built with the cargo feature `kafka-tls`, as the released ones are";

/// Files of an encrypted connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Authorities to trust instead of the operating system's.
    pub ca_path: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// User and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sasl {
    /// How they are shown.
    pub mechanism: Mechanism,
    /// User.
    pub username: String,
    /// Password.
    pub password: SecretSource,
}

/// How a password is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// As it is.
    Plain,
    /// By a proof, SHA-256.
    ScramSha256,
    /// By a proof, SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// The protocol's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Section for TlsConfig {
    const ABOUT: &'static str = "TLS of the connections; an empty table `tls = {}` is enough where the operating system trusts the brokers' \
        authority. Each broker's certificate must be made for the host under which it is advertised. Files are read anew for each session.";

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
                "Our own certificate chain, PEM, for brokers that ask for one.",
            )
            .example("\"tls/client.pem\"")
            .optional();
        let key_path = t
            .field("key_path", PemFile("PRIVATE KEY"), "Key of our own certificate, PEM.")
            .example("\"tls/client-key.pem\"")
            .optional();
        for (key, other) in [("cert_path", "key_path"), ("key_path", "cert_path")] {
            if t.given(key) && !t.given(other) {
                let message = format!("`{key}` needs `{other}`");
                t.session().error(&t.span(key), message, format!("add `{other}`"));
            }
        }
        if !HAS_TLS {
            let message = "this program was built without TLS for Kafka";
            t.session().error(t.own_span(), message, BUILD_WITH_TLS);
        }
        Some(Self {
            ca_path,
            identity: cert_path.zip(key_path),
        })
    }
}

impl Section for Sasl {
    const ABOUT: &'static str = "User and password of the connections.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let mechanism = t
            .field(
                "mechanism",
                Choice {
                    options: &[
                        ("PLAIN", Mechanism::Plain),
                        ("SCRAM-SHA-256", Mechanism::ScramSha256),
                        ("SCRAM-SHA-512", Mechanism::ScramSha512),
                    ],
                    aliases: &[],
                    refused: &[
                        ("GSSAPI", "Kerberos is not spoken"),
                        ("OAUTHBEARER", "tokens are not spoken"),
                    ],
                },
                "How the password is shown to the broker.",
            )
            .example("\"SCRAM-SHA-512\"")
            .required();
        let username = t
            .field("username", Credential, "User.")
            .example("\"danube\"")
            .required();
        let password = t
            .field(
                "password",
                SecretSourceKind,
                "Password of the user. One in a file is read anew for each session.",
            )
            .example("\"${KAFKA_PASSWORD}\"")
            .required();
        if !HAS_TLS && mechanism.is_some_and(|mechanism| mechanism != Mechanism::Plain) {
            let message = "this program was built without SCRAM for Kafka";
            t.session().error(&t.span("mechanism"), message, BUILD_WITH_TLS);
        }
        Some(Self {
            mechanism: mechanism?,
            username: username?,
            password: password?,
        })
    }
}
