//! The ids of events.
//!
//! A retry sends the same bytes again. So a span has the ids that it has anyway, and what has none gets one of the digest of the
//! request's body and its place in it: a retry meets the records of the first attempt, and two requests differ by their times.

use std::cell::OnceCell;

use opentelemetry_proto::tonic::trace::v1::Span;
use sha2::{Digest as _, Sha256};

/// Makes the ids of one request.
pub(crate) struct EventIds<'a> {
    body: &'a [u8],
    digest: OnceCell<String>,
}

/// Bytes of the digest that ids have.
const DIGEST_BYTES: usize = 16;

impl<'a> EventIds<'a> {
    /// `body` is the message of the request, decompressed.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        let digest = OnceCell::new();
        Self { body, digest }
    }

    /// The id of the whole request.
    pub(crate) fn of_request(&self) -> String {
        self.digest().to_owned()
    }

    /// The id of its n-th record.
    pub(crate) fn of_record(&self, n: usize) -> String {
        format!("{}.{n}", self.digest())
    }

    /// The id of a span. One whose own ids are invalid is taken like a record that has none.
    pub(crate) fn of_span(&self, span: &Span, n: usize) -> String {
        if is_id(&span.trace_id, 16) && is_id(&span.span_id, 8) {
            return format!("{}-{}", hex::encode(&span.trace_id), hex::encode(&span.span_id));
        }
        self.of_record(n)
    }

    fn digest(&self) -> &str {
        self.digest
            .get_or_init(|| hex::encode(&Sha256::digest(self.body)[..DIGEST_BYTES]))
    }
}

/// Whether an id is valid: of its length, and not all zero.
pub(crate) fn is_id(id: &[u8], len: usize) -> bool {
    id.len() == len && id.iter().any(|b| *b != 0)
}
