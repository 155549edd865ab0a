//! The cluster, an independent client, and the source.

pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod member;
pub(crate) mod mock;
pub(crate) mod registry;
pub(crate) mod server;
pub(crate) mod source;

/// Numbers as texts.
pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}
