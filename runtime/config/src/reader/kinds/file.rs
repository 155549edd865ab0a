//! Paths of files that must be there.

use std::path::PathBuf;

use super::{super::Spot, Kind, Text, text::quote};

/// The path of a file, from the pipeline file's directory. The file exists when the configuration is read.
pub(crate) struct FilePath;

impl Kind for FilePath {
    type Value = PathBuf;

    fn what(&self) -> String {
        "the path of a file".to_owned()
    }

    fn show(&self, value: &PathBuf) -> String {
        quote(&value.to_string_lossy())
    }

    fn read(&self, spot: &Spot<'_>) -> Option<PathBuf> {
        spot.existing_file(&Text.read(spot)?)
    }
}
