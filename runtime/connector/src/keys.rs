//! Keys that several kinds of connectors share.

mod document_id;
mod mapping;
mod topic;

pub use document_id::{DocumentId, IdFrom};
pub use mapping::MappingKeys;
pub use topic::{TopicKeys, on_failure, on_invalid, on_invalid_of_upstream};
