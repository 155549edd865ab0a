//! What is behind a path.

use std::sync::Arc;

use http::request::Parts;

use crate::{answer::Answer, exchange::Exchange, refusal::Refusal};

/// Answers the requests to one path.
pub trait Handler: Send + Sync + Sized + 'static {
    /// Its path, which is also its name in metrics. Compared with that of a request byte by byte, but for parts such as `{tenant}`,
    /// which stand for any one part that is not empty.
    fn path(&self) -> &Arc<str>;

    /// Longest body in bytes, both as sent and as decompressed.
    fn body_bytes_max(&self) -> usize;

    /// Handles one request. Steps should be in the order that costs an unauthenticated caller most and the host least.
    fn handle(&self, exchange: &mut Exchange<'_>) -> impl Future<Output = Result<Answer, Refusal>> + Send;

    /// Returns the answer for a request that was refused, `None` for one to a path that has no handler.
    fn refuse(handler: Option<&Self>, head: &Parts, refusal: Refusal) -> Answer;
}
