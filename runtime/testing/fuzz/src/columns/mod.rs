//! What a component returns: columns that may be inconsistent.
//!
//! Read directly from bytes, so that anything a component can return is tried; and built correctly from bytes, so that
//! a check that refuses too much is found as well.

mod consumption;
mod generated;
mod raw;

use danube_wasm_model::{event::RecordBatch, message::WriteBatch};

use crate::pieces::Pieces;

/// Records or writes, as a component returned them or as one should.
pub fn columns(data: &[u8]) {
    let mut pieces = Pieces::new(data);
    let kind = pieces.byte();
    let inputs = usize::from(pieces.byte());
    match kind % 4 {
        0 => records(&raw::records(&mut pieces), inputs),
        1 => writes(&raw::writes(&mut pieces), inputs),
        2 => generated::records(&mut pieces, inputs),
        _ => generated::writes(&mut pieces, inputs),
    }
}

fn records(batch: &RecordBatch, inputs: usize) {
    match batch.check(inputs) {
        Ok(()) => consumption::records(batch, inputs),
        Err(error) => assert!(!error.reason.is_empty(), "{error}"),
    }
}

fn writes(batch: &WriteBatch, inputs: usize) {
    match batch.check(inputs) {
        Ok(()) => consumption::writes(batch, inputs),
        Err(error) => assert!(!error.reason.is_empty(), "{error}"),
    }
}

pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = raw::seeds();
    // How a well-made batch is made matters little: bytes that count up take every way.
    let counting: Vec<u8> = (0..200).collect();
    for (name, kind) in [("made-records", 2), ("made-writes", 3)] {
        seeds.push((name, [&[kind, 5][..], &counting].concat()));
    }
    seeds
}
