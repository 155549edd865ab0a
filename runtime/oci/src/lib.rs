//! Components in OCI registries, as the artifacts that other tools for WebAssembly push and pull.
//!
//! [`push`] puts a component under a tag, [`resolve`] says which digest a tag has now, and [`ComponentStore`] holds what was pulled by
//! digest: a component whose bytes are not those of the digest is refused, whatever the registry or the disk says.

mod artifact;
mod client;
mod error;
mod store;

pub use client::{push, resolve};
pub use error::RegistryError;
pub use oci_client::Reference;
pub use store::ComponentStore;

/// How a component in a registry is named in a pipeline file: `oci://ghcr.io/acme/orders@sha256:…`.
pub const SCHEME: &str = "oci://";

/// Reads `oci://REGISTRY/REPOSITORY[:TAG][@sha256:DIGEST]`.
///
/// # Errors
/// [`RegistryError::Reference`] if it is none.
pub fn parse(text: &str) -> Result<Reference, RegistryError> {
    let wrong = |why: String| RegistryError::Reference {
        text: text.to_owned(),
        why,
    };
    let Some(rest) = text.strip_prefix(SCHEME) else {
        return Err(wrong(format!("it does not begin with `{SCHEME}`")));
    };
    let reference: Reference = rest.parse().map_err(|e: oci_client::ParseError| wrong(e.to_string()))?;
    match reference.digest() {
        Some(digest) if !is_sha256(digest) => Err(wrong(
            "its digest is not `sha256:` and 64 hexadecimal digits".to_owned(),
        )),
        _ => Ok(reference),
    }
}

fn is_sha256(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}
