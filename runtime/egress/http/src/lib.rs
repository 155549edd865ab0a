//! Sends documents to HTTP endpoints.
//!
//! ```text
//! writes → receipts (what is on its way is not sent twice)
//!        → by endpoint → lanes (key, document) → rows of requests ─┬→ row ┐ concurrency → gate → request → verdict
//!                                                                  └→ row ┘ … at the same time
//!        → what is known after a while → report
//! ```
//!
//! # What is promised
//!
//! * **At least once, with one id.** Each write has an id that is the same at every attempt, in every process
//!   (`message_id.rs`). A receiver that keeps ids has each event once; this sink cannot know whether a request whose answer
//!   was lost was taken. No write makes another one superfluous: each is an event.
//! * **In order.** Writes of one key or one document go to an endpoint one after the other, each when the one before it is
//!   taken or refused (`lanes.rs`); all others at the same time, as many as the endpoint answers (`concurrency.rs`).
//! * **No record pays for its endpoint.** Only statuses that are about a record refuse it. Whatever may be about the
//!   endpoint holds it (`status.rs`, `gate.rs`), and its records wait.
//! * **No endpoint pays for another.** A call does not wait long for a slow one (`egress.rs`), and what another one has taken is
//!   not sent again meanwhile (`receipts.rs`).
//! * **Only where the file says.** The endpoints are the targets. Hosts come from the file, addresses are checked when they
//!   are dialed (`egress/dial`), redirects are not followed; an id is one segment of a path (`config/url_template.rs`).
//! * **Bounded.** Requests have a time limit and answers a size limit; of an answer, only a short part without this sink's
//!   secrets is shown (`shown.rs`). Nothing is decoded.

mod answer;
mod auth;
mod body;
mod client;
mod concurrency;
pub mod config;
mod connector;
mod counters;
mod deliver;
mod egress;
mod endpoint;
mod gate;
mod item;
mod lanes;
pub mod limits;
mod message_id;
mod page;
mod probe;
mod receipts;
mod results;
mod retry_after;
mod rows;
mod shown;
mod sign;
mod status;
mod verdict;

use std::time::Duration;

use danube_wasm_model::BatchWish;

pub use config::Http;
pub use connector::HttpSink;
pub use counters::Counters;
pub use egress::HttpEgress;

/// The batches that suit it: small, since a batch is done when its slowest request is.
pub(crate) const BATCH_WISH: BatchWish = BatchWish {
    messages_max: 100,
    bytes_max: 4 << 20,
    linger: Duration::from_millis(100),
    idle: Duration::from_millis(5),
};
