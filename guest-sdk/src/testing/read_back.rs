//! What came back, value by value.

use super::Refused;
use crate::{
    Error,
    bindings::types::{Failure, FailureKind, Origins, Payloads, Rejection},
    columns::read,
};

/// Each payload: new ones from the column, reused ones from the inputs.
pub(super) fn payloads<'a>(column: &Payloads, n: usize, input: impl Fn(usize) -> &'a [u8]) -> Vec<Vec<u8>> {
    let mut new = 0;
    let payload = |i: usize| match column.reuse.get(i) {
        Some(k) if *k > 0 => input(*k as usize - 1).to_vec(),
        _ => {
            new += 1;
            read::blob(&column.bytes, new - 1).to_vec()
        }
    };
    (0..n).map(payload).collect()
}

/// The inputs of output `i`.
pub(super) fn origins(column: &Origins, i: usize) -> Vec<usize> {
    if column.ends.is_empty() {
        return vec![i];
    }
    let inputs = &column.index[read::range(&column.ends, i)];
    inputs.iter().map(|input| *input as usize).collect()
}

pub(super) fn refused(rejected: Vec<Rejection>) -> Vec<Refused> {
    let refused = |rejection: Rejection| Refused {
        origin: rejection.origin as usize,
        unsupported: rejection.kind == 1,
        message: rejection.message,
    };
    rejected.into_iter().map(refused).collect()
}

pub(super) fn error(failure: Failure) -> Error {
    let error = match failure.kind {
        FailureKind::Retryable => Error::retryable(failure.message),
        FailureKind::Fatal => Error::fatal(failure.message),
        FailureKind::InvalidData => Error::invalid_data(failure.message),
        FailureKind::Configuration => Error::configuration(failure.message),
    };
    let wait = failure
        .retry_after_ms
        .map(|ms| std::time::Duration::from_millis(ms.into()));
    let error = error.with_code(failure.code);
    wait.into_iter().fold(error, Error::with_retry_after)
}

/// Text of a value that may be left out.
pub(super) fn optional(value: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(value).into_owned()).filter(|text| !text.is_empty())
}
