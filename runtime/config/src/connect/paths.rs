//! Relative paths: a file's start from its own directory, the document's from the directory of the first file.

use std::path::Path;

use super::translation::Translation;

impl Translation<'_> {
    /// Returns the path relative to the directory of the first file, or an absolute one.
    pub(super) fn portable(&self, path: &str) -> String {
        let first = self.session.in_first_dir().dir();
        if path.is_empty() || self.session.dir() == first {
            return path.to_owned();
        }
        let path = self.session.resolve(path);
        let path: &Path = path.strip_prefix(first).unwrap_or(&path);
        path.to_string_lossy().into_owned()
    }

    /// Converts the path in a URL likewise.
    pub(super) fn portable_url(&self, url: &str) -> String {
        match url.split_once("://") {
            Some((scheme @ ("embedded" | "surrealkv"), dir)) => format!("{scheme}://{}", self.portable(dir)),
            _ => url.to_owned(),
        }
    }
}
