//! Fields of payloads that are this sink's own.

/// The id of the document, as text.
pub(crate) const ID: &str = "_id";
/// The order of the last write, its upper 32 bits. Qdrant compares numbers as floats, which cannot hold all 64.
pub(crate) const ORDER_HI: &str = "_order_hi";
/// Its lower 32 bits.
pub(crate) const ORDER_LO: &str = "_order_lo";
/// The record that the order is of.
pub(crate) const RECORD: &str = "_record";
/// The model that made the vector.
pub(crate) const MODEL: &str = "_model";

/// What a document cannot have itself.
pub(crate) const RESERVED: [&str; 4] = [ORDER_HI, ORDER_LO, RECORD, MODEL];
