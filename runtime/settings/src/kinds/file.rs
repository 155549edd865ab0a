//! Paths of existing files.

use std::path::PathBuf;

use super::{super::ValueRef, Kind, Text, text::quote};

/// Largest PEM file, in bytes: all authorities of an operating system need half of it.
const PEM_BYTES_MAX: usize = 1 << 20;

/// The path of a file that exists when the configuration is read, relative to the pipeline file's directory.
pub struct FilePath;

impl Kind for FilePath {
    type Value = PathBuf;

    fn what(&self) -> String {
        "the path of a file".to_owned()
    }

    fn show(&self, value: &PathBuf) -> String {
        quote(&value.to_string_lossy())
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<PathBuf> {
        input.existing_file(&Text.read(input)?)
    }
}

/// The path of a PEM file that contains an item with this label, such as `CERTIFICATE`.
pub struct PemFile(pub &'static str);

impl Kind for PemFile {
    type Value = PathBuf;

    fn what(&self) -> String {
        FilePath.what()
    }

    fn show(&self, value: &PathBuf) -> String {
        FilePath.show(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<PathBuf> {
        let path = FilePath.read(input)?;
        let text = input.file_text(&path, PEM_BYTES_MAX)?;
        // `-----BEGIN EC PRIVATE KEY-----` is a private key too.
        let held = text
            .lines()
            .any(|line| line.starts_with("-----BEGIN ") && line.contains(&format!("{}-----", self.0)));
        if held {
            return Some(path);
        }
        let (name, path, item) = (input.name(), path.display(), self.0);
        input.refuse_with(
            format!("`{name}` names {path}, which holds no {} in PEM", item.to_lowercase()),
            format!("name a file with `-----BEGIN {item}-----`"),
        )
    }
}
