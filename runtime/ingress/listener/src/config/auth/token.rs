//! Secrets that a request carries, and certificates.

use danube_wasm_settings::{
    Table,
    kinds::{Credential, List, Parsed, Text},
    values::HeaderName,
};

use super::{AuthConfig, secrets};
use crate::ClientCertificate;

pub(super) fn read_api_key(t: &mut Table<'_>) -> Option<AuthConfig> {
    let header = t.field(
        "header",
        Parsed::<HeaderName>::new("a header"),
        "The header that carries the secret.",
    );
    let header = header.example("\"x-api-key\"").defaults_to("`\"x-api-key\"`");
    let header = header.or_else(|| "x-api-key".parse().ok());
    let secrets = secrets(t).required();
    Some(AuthConfig::ApiKey {
        header: header?,
        secrets: secrets?,
    })
}

pub(super) fn read_bearer(t: &mut Table<'_>) -> Option<AuthConfig> {
    let secrets = secrets(t).required();
    Some(AuthConfig::Bearer { secrets: secrets? })
}

pub(super) fn read_basic(t: &mut Table<'_>) -> Option<AuthConfig> {
    let user = t
        .field("user", Credential, "The name that senders give.")
        .example("\"shop\"")
        .required();
    let secrets = secrets(t).required();
    let user = user?;
    if user.contains(':') {
        t.session().error(
            &t.span("user"),
            "a name for `basic` has no colon: what follows one would be the password",
            "choose another name",
        );
    }
    Some(AuthConfig::Basic {
        user,
        secrets: secrets?,
    })
}

pub(super) fn read_query_token(t: &mut Table<'_>) -> Option<AuthConfig> {
    let parameter = t
        .field(
            "parameter",
            Text,
            "The parameter of the query that carries the secret. It is not handed on. A URL is written into more logs than a header: \
             choose another `type` if the sender can.",
        )
        .or("token".to_owned());
    let secrets = secrets(t).required();
    Some(AuthConfig::QueryToken {
        parameter,
        secrets: secrets?,
    })
}

pub(super) fn read_client_certificate(t: &mut Table<'_>) -> Option<AuthConfig> {
    let list = || List {
        kind: Text,
        len: 0..=64,
    };
    let names = t
        .field(
            "names",
            list(),
            "Names, each a DNS name or an address, that the certificate may be made for. Without `names` and `fingerprints`, any \
             certificate that an authority of the listener's `client_ca_path` has issued.",
        )
        .example("[\"sender.example\"]")
        .or(Vec::new());
    let fingerprints = t
        .field(
            "fingerprints",
            list(),
            "SHA-256 of certificates that are accepted whatever their names are, in hexadecimal digits.",
        )
        .example("[\"2F:A0:…\"]")
        .or(Vec::new());
    if let Err(error) = ClientCertificate::try_new(&names, &fingerprints) {
        let key = match error {
            crate::AuthError::Name(_) => "names",
            _ => "fingerprints",
        };
        t.session()
            .error(&t.span(key), error.to_string(), "correct it, or leave it out");
        return None;
    }
    Some(AuthConfig::ClientCertificate { names, fingerprints })
}
