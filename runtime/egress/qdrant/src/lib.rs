//! Writes documents to Qdrant, over gRPC.
//!
//! ```text
//! writes → by collection → read (JSON → payload, vector, text) → embed texts → check against the collection
//!        → chains by point → cut into requests → bisect(update) → report
//! ```
//!
//! # What is promised
//!
//! * **Once in the collection.** A point's id is made of the document's (`point_id.rs`), so whatever comes again meets the same
//!   point. Inserts leave a point alone which is there.
//! * **The newest stays.** The order of a write is stored with the point and compared by the server (`order.rs`), whatever process,
//!   lane or partition a write comes through. A deletion leaves no mark: a write that comes later brings the point back.
//! * **Nothing is dropped without a word.** Every write waits until the server has applied it, and only that counts as done
//!   (`update.rs`). Vectors and payloads are checked against the collection before they are sent (`vectors.rs`, `document.rs`):
//!   servers take some wrong ones and forget them.
//! * **One refused point does not refuse its neighbours.** It is found by halving; a server that refuses a write of this sink's own,
//!   too, refuses no record (`bisect.rs` of `runtime/egress/common`).
//! * **No collection is made anew.** One that is there is compared, and used as it is or not at all (`collection/compare.rs`).
//! * **Old servers are refused**, which ignore what they do not know (`link/version.rs`): the version is read on every connection.
//! * **Only checked addresses** are dialed, of the server and of the embedding service (`egress/dial`). tonic opens no connection by
//!   itself (`link/connect.rs`).
//! * **Bounded.** Requests have limits of points, bytes and time; there are fewer at a time while the server is slow (`pace.rs`).

mod collection;
mod conditions;
pub mod config;
mod connector;
mod deletes;
mod document;
mod egress;
mod embed;
mod fault;
mod fields;
mod item;
pub mod limits;
mod link;
mod operations;
mod order;
mod pace;
mod parts;
mod payload;
mod point_id;
mod prepare;
mod probe;
mod shown;
mod update;
mod vectors;

use std::time::Duration;

use danube_wasm_model::BatchWish;

pub use config::Qdrant;
pub use connector::QdrantSink;
pub use egress::QdrantEgress;

/// The batches that suit it: two requests at a time.
pub(crate) const BATCH_WISH: BatchWish = BatchWish {
    messages_max: 512,
    bytes_max: 8 << 20,
    linger: Duration::from_millis(200),
    idle: Duration::from_millis(5),
};
