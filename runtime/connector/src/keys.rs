//! Keys that several kinds of connectors share.

mod document_id;
mod include_attributes;
mod mapping;
mod topic;

pub use document_id::{DocumentId, IdFrom};
pub use include_attributes::IncludeAttributes;
pub use mapping::MappingKeys;
pub use topic::{TopicKeys, on_failure, on_invalid, on_invalid_of_upstream};
