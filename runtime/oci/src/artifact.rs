//! The shape of a component in a registry: a manifest with one layer, which is the component.

use oci_client::{
    Reference,
    client::{Config, ImageLayer},
    manifest::{OciImageManifest, WASM_LAYER_MEDIA_TYPE},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::RegistryError;

/// Of the layer, in what is pushed.
const LAYER: &str = "application/wasm";
/// Of the configuration.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// `sha256:` and hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The layer and the configuration of a component.
pub(crate) fn of_component(component: Vec<u8>) -> (ImageLayer, Config) {
    let config = json!({"architecture": "wasm", "os": "wasip2", "layerDigests": [digest(&component)]});
    let config = Config::new(config.to_string().into_bytes(), CONFIG.to_owned(), None);
    (ImageLayer::new(component, LAYER.to_owned(), None), config)
}

/// Where in the registry the component of a manifest is, and how many bytes it has.
///
/// # Errors
/// [`RegistryError::NotAComponent`].
pub(crate) fn layer_of(
    reference: &Reference,
    manifest: &[u8],
    bytes_max: usize,
) -> Result<oci_client::manifest::OciDescriptor, RegistryError> {
    let refuse = |why: String| RegistryError::NotAComponent {
        reference: reference.to_string(),
        why,
    };
    let manifest: OciImageManifest =
        serde_json::from_slice(manifest).map_err(|e| refuse(format!("its manifest is of another kind ({e})")))?;
    let count = manifest.layers.len();
    let mut layers = manifest.layers.into_iter();
    let (Some(layer), 1) = (layers.next(), count) else {
        return Err(refuse(format!("it has {count} layers, and a component is one")));
    };
    if ![LAYER, WASM_LAYER_MEDIA_TYPE].contains(&layer.media_type.as_str()) {
        return Err(refuse(format!("its layer is of type {}", layer.media_type)));
    }
    match usize::try_from(layer.size) {
        Ok(size) if size <= bytes_max => Ok(layer),
        _ => Err(refuse(format!(
            "it has {} bytes, over the limit of {bytes_max}",
            layer.size
        ))),
    }
}
