//! The registry over HTTP.

use std::time::Duration;

use bytes::Bytes;
use docker_credential::DockerCredential;
use http::HeaderValue;
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest},
    secrets::RegistryAuth,
};

use crate::{RegistryError, artifact};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the next bytes.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Puts a component under the tag of `target`, and returns the reference with its digest.
///
/// # Errors
/// See [`RegistryError`].
pub async fn push(target: &Reference, component: Vec<u8>) -> Result<Reference, RegistryError> {
    let failed = |e| RegistryError::of(target, e);
    let (client, auth) = client(target);
    let pushing = RegistryOperation::Push;
    client.auth(target, &auth, pushing).await.map_err(failed)?;
    let (layer, config) = artifact::of_component(component);
    let manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, None);
    let layer_digest = artifact::digest(&layer.data);
    client
        .push_blob(target, layer.data, &layer_digest)
        .await
        .map_err(failed)?;
    client
        .push_blob(target, config.data, &manifest.config.digest)
        .await
        .map_err(failed)?;
    let manifest = serde_json::to_vec(&manifest).map_err(|e| failed(e.into()))?;
    let digest = artifact::digest(&manifest);
    let kind = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
    client.push_manifest_raw(target, manifest, kind).await.map_err(failed)?;
    Ok(target.clone_with_digest(digest))
}

/// Returns the reference with the digest that its tag has now.
///
/// # Errors
/// See [`RegistryError`].
pub async fn resolve(reference: &Reference) -> Result<Reference, RegistryError> {
    match reference.digest() {
        Some(_) => Ok(reference.clone()),
        None => Ok(reference.clone_with_digest(artifact::digest(&manifest(reference).await?))),
    }
}

/// Returns the bytes of a manifest, as the registry gives them.
pub(crate) async fn manifest(reference: &Reference) -> Result<Bytes, RegistryError> {
    let (client, auth) = client(reference);
    let pulled = client
        .pull_manifest_raw(reference, &auth, &[OCI_IMAGE_MEDIA_TYPE])
        .await;
    pulled
        .map(|(manifest, _)| manifest)
        .map_err(|e| RegistryError::of(reference, e))
}

/// Returns the bytes of a layer of at most `bytes_max`, whose digest was compared.
pub(crate) async fn layer(
    reference: &Reference,
    layer: &oci_client::manifest::OciDescriptor,
) -> Result<Vec<u8>, RegistryError> {
    let (client, auth) = client(reference);
    let failed = |e| RegistryError::of(reference, e);
    client
        .auth(reference, &auth, RegistryOperation::Pull)
        .await
        .map_err(failed)?;
    let mut bytes = Vec::with_capacity(usize::try_from(layer.size).unwrap_or_default());
    client.pull_blob(reference, layer, &mut bytes).await.map_err(failed)?;
    Ok(bytes)
}

/// A client for the registry of a reference, with what the user has logged in with.
fn client(reference: &Reference) -> (Client, RegistryAuth) {
    let registry = reference.resolve_registry();
    let config = ClientConfig {
        protocol: match is_loopback(registry) {
            // A registry on this machine has no certificate.
            true => ClientProtocol::HttpsExcept(vec![registry.to_owned()]),
            false => ClientProtocol::Https,
        },
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        ..ClientConfig::default()
    };
    let auth = match docker_credential::get_credential(registry) {
        Ok(DockerCredential::UsernamePassword(user, password)) => RegistryAuth::Basic(user, password),
        Ok(DockerCredential::IdentityToken(token)) => RegistryAuth::Bearer(token),
        Err(_) => RegistryAuth::Anonymous,
    };
    (Client::new(config), auth)
}

fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
