//! What goes wrong between a registry and this machine.

use std::path::PathBuf;

use oci_client::errors::{OciDistributionError, OciErrorCode};

/// Why a component was not pushed or pulled. Each is a sentence with its cure.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No reference.
    #[error("`{text}` names no component in a registry: {why}; write `oci://REGISTRY/REPOSITORY@sha256:DIGEST`")]
    Reference {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A tag where only a digest says which component is meant.
    #[error(
        "`oci://{0}` names no digest, and a tag can move: `danube-wasm pull oci://{0}` prints the reference with its digest"
    )]
    NoDigest(String),
    /// The registry asks who is there.
    #[error(
        "{registry} refuses access to {repository}: log in with `docker login {registry}`, whose file is read, or ask for rights"
    )]
    Unauthorized {
        /// Host and port.
        registry: String,
        /// The repository there.
        repository: String,
    },
    /// It is not there.
    #[error("{0} is not in its registry: compare name, tag and digest")]
    NotFound(String),
    /// What came is not what the digest names.
    #[error("{reference}: what {place} has is not what the digest names, but {found}: nothing of it was used")]
    WrongDigest {
        /// What was asked for.
        reference: String,
        /// The registry, or the kept file.
        place: String,
        /// The digest of what came.
        found: String,
    },
    /// An artifact of another kind.
    #[error("{reference} is no component: {why}")]
    NotAComponent {
        /// What was asked for.
        reference: String,
        /// What it is.
        why: String,
    },
    /// No answer, or one that is none.
    #[error("{registry} does not answer as a registry: {why}")]
    Unreachable {
        /// Host and port.
        registry: String,
        /// What happened.
        why: String,
    },
    /// A file of this machine.
    #[error("{}: {error}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl RegistryError {
    /// What a client's error means for a reference.
    pub(crate) fn of(reference: &oci_client::Reference, error: OciDistributionError) -> Self {
        let registry = reference.resolve_registry().to_owned();
        let refused = Self::Unauthorized {
            registry: registry.clone(),
            repository: reference.repository().to_owned(),
        };
        match error {
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => refused,
            OciDistributionError::ServerError { code: 401 | 403, .. } => refused,
            OciDistributionError::ImageManifestNotFoundError(_)
            | OciDistributionError::ServerError { code: 404, .. } => Self::NotFound(reference.to_string()),
            OciDistributionError::RegistryError { envelope, url } => Self::enveloped(reference, &envelope.errors, &url),
            OciDistributionError::DigestError(e) => Self::WrongDigest {
                reference: reference.to_string(),
                place: registry,
                found: e.to_string(),
            },
            other => Self::Unreachable {
                registry,
                why: root(&other),
            },
        }
    }

    fn enveloped(reference: &oci_client::Reference, errors: &[oci_client::errors::OciError], url: &str) -> Self {
        let has = |code: OciErrorCode| errors.iter().any(|error| error.code == code);
        if has(OciErrorCode::ManifestUnknown) || has(OciErrorCode::NameUnknown) || has(OciErrorCode::BlobUnknown) {
            return Self::NotFound(reference.to_string());
        }
        let registry = reference.resolve_registry().to_owned();
        if has(OciErrorCode::Unauthorized) || has(OciErrorCode::Denied) {
            return Self::Unauthorized {
                registry,
                repository: reference.repository().to_owned(),
            };
        }
        let told: Vec<_> = errors
            .iter()
            .map(|error| format!("{:?} {}", error.code, error.message))
            .collect();
        Self::Unreachable {
            registry,
            why: format!("{url}: {}", told.join(", ")),
        }
    }
}

/// What lies under what the client says, which names only the URL.
fn root(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
