//! Keys that several kinds of connectors share.

mod mapping;
mod topic;

pub use mapping::MappingKeys;
pub use topic::{TopicKeys, on_failure, on_invalid, on_invalid_of_upstream};
