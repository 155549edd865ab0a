//! What a component returns: columns that may lie.
//!
//! Read from bytes as they are, so that anything a component can say is said, and made well from bytes, so that a check
//! that refuses too much is found as well.

mod made;
mod raw;
mod used;

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
        2 => made::records(&mut pieces, inputs),
        _ => made::writes(&mut pieces, inputs),
    }
}

fn records(batch: &RecordBatch, inputs: usize) {
    match batch.check(inputs) {
        Ok(()) => used::records(batch, inputs),
        Err(error) => assert!(!error.reason.is_empty(), "{error}"),
    }
}

fn writes(batch: &WriteBatch, inputs: usize) {
    match batch.check(inputs) {
        Ok(()) => used::writes(batch, inputs),
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
