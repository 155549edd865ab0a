//! Files that travel in the program.

/// A file, by its path in its folder, with `/` between names.
#[derive(Debug, Clone, Copy)]
pub struct File {
    pub(crate) path: &'static str,
    pub(crate) content: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The Rust SDK's manifest, on its own feet.
pub(crate) const RUST_SDK_MANIFEST: &str = include_str!(concat!(env!("OUT_DIR"), "/rust-sdk.toml"));

/// The files of `table` below `folder`, by their paths in that.
pub(crate) fn below(table: &'static [File], folder: &str) -> Vec<(String, Vec<u8>)> {
    let prefix = format!("{folder}/");
    let inside = table
        .iter()
        .filter_map(|file| Some((file.path.strip_prefix(&prefix)?, file.content)));
    inside
        .map(|(path, content)| (path.to_owned(), content.to_vec()))
        .collect()
}

/// The files of `table`, below `folder`.
pub(crate) fn under(table: &'static [File], folder: &str) -> Vec<(String, Vec<u8>)> {
    table
        .iter()
        .map(|file| (format!("{folder}/{}", file.path), file.content.to_vec()))
        .collect()
}
