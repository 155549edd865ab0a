//! Every limit of the sink, each with its unit last in its name and its reason.

use std::time::Duration;

/// Most numbers of a vector: what Qdrant takes.
pub const DIMENSION_MAX: u64 = 65_536;

/// Deepest nesting of a document. Each level takes three of the hundred levels that a server's decoder of Protobuf allows.
pub const DOCUMENT_DEPTH_MAX: usize = 30;

/// Most points of a request. Qdrant's own guide to bulk uploads advises 64 to 256.
pub const REQUEST_POINTS_MAX: usize = 256;

/// Most bytes of documents in a request, unless a single one is larger. Qdrant advises at most 5 MB.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Longest name of a collection, in bytes: what Qdrant takes.
pub const COLLECTION_BYTES_MAX: usize = 255;

/// Of a server's or service's own words in a message for people, in characters.
pub const SAID_CHARS_MAX: usize = 240;

/// Longest wait that an answer may ask for. More is a mistake, and would hold a collection for long after it has recovered.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// How long a connection may be silent before the server is asked whether it is there, and how long it may take to say so.
pub const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// Requests that have succeeded one after the other, after which one more at a time is tried.
pub const SUCCESSES_BEFORE_MORE: u32 = 16;

/// Bytes of an answer of an embedding service: 2,048 vectors of 4,096 numbers, as text, and some more.
pub const EMBEDDINGS_BYTES_MAX: usize = 256 << 20;

/// Of an answer of an embedding service that is no success.
pub const ERROR_BYTES_MAX: usize = 64 << 10;
