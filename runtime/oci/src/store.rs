//! Components that were pulled, kept on the disk by digest.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use oci_client::Reference;

use crate::{RegistryError, artifact, client};

/// A folder of components. Nothing in it is trusted: each read compares digests.
#[derive(Debug, Clone)]
pub struct ComponentStore {
    folder: PathBuf,
    bytes_max: usize,
}

impl ComponentStore {
    /// A store in `folder`, which is made when the first component comes. Components of more than `bytes_max` bytes are refused.
    pub fn new(folder: PathBuf, bytes_max: usize) -> Self {
        Self { folder, bytes_max }
    }

    /// Returns the component, from the folder if it is there, else from its registry.
    ///
    /// # Errors
    /// See [`RegistryError`]; [`RegistryError::NoDigest`] if the reference has none.
    pub async fn get(&self, reference: &Reference) -> Result<Vec<u8>, RegistryError> {
        let Some(digest) = reference.digest() else {
            return Err(RegistryError::NoDigest(reference.to_string()));
        };
        let folder = self.folder.join(digest.replace(':', "-"));
        if let Some(kept) = self.kept(reference, digest, &folder) {
            return Ok(kept);
        }
        let manifest = client::manifest(reference).await?;
        self.compare(reference, digest, &manifest)?;
        let layer = artifact::layer_of(reference, &manifest, self.bytes_max)?;
        let component = client::layer(reference, &layer).await?;
        keep(&folder, "component.wasm", &component)?;
        keep(&folder, "manifest.json", &manifest)?;
        Ok(component)
    }

    /// What is kept, if it is whole. What is not is pulled again.
    fn kept(&self, reference: &Reference, digest: &str, folder: &Path) -> Option<Vec<u8>> {
        let manifest = fs::read(folder.join("manifest.json")).ok()?;
        let component = fs::read(folder.join("component.wasm")).ok()?;
        self.compare(reference, digest, &manifest).ok()?;
        let layer = artifact::layer_of(reference, &manifest, self.bytes_max).ok()?;
        (layer.digest == artifact::digest(&component)).then_some(component)
    }

    fn compare(&self, reference: &Reference, digest: &str, manifest: &[u8]) -> Result<(), RegistryError> {
        let found = artifact::digest(manifest);
        match found == digest {
            true => Ok(()),
            false => Err(RegistryError::WrongDigest {
                reference: reference.to_string(),
                place: reference.resolve_registry().to_owned(),
                found,
            }),
        }
    }
}

/// Writes a file whole or not at all.
fn keep(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), RegistryError> {
    let path = folder.join(name);
    let io = |error| RegistryError::Io {
        path: path.clone(),
        error,
    };
    fs::create_dir_all(folder).map_err(io)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(&path).map_err(|e| io(e.error)).map(drop)
}
