//! Batches that follow the contract: they pass, and their values come back.

use danube_wasm_model::{
    columns::{PayloadAt, Rejection, RejectionKind},
    event::{Answer, RecordBatch},
    identity::EVENT_ID_BYTES_MAX,
    message::WriteBatch,
};

use super::consumption;
use crate::pieces::Pieces;

/// Outputs of one batch.
const OUTPUTS_MAX: usize = 24;

pub(super) fn records(pieces: &mut Pieces<'_>, inputs: usize) {
    let mut batch = RecordBatch::default();
    let (with_ids, with_keys, with_attributes) = (pieces.flag(), pieces.flag(), pieces.flag());
    let n = outputs(pieces, inputs);
    let mut expected = Vec::new();
    for _ in 0..n {
        let topic = pieces.text();
        batch.topics.push(&topic);
        let payload = match pieces.flag() {
            true => Generated::Input(pieces.below(inputs)),
            false => Generated::New(pieces.bytes().to_vec()),
        };
        match &payload {
            Generated::Input(at) => batch.payloads.push_input(*at as u32),
            Generated::New(bytes) => batch.payloads.push(bytes),
        }
        batch.origins.push(&origins(pieces, inputs));
        if with_ids {
            batch.ids.push(text(pieces, EVENT_ID_BYTES_MAX).as_bytes());
        }
        if with_keys {
            batch.keys.push(pieces.bytes());
        }
        let pairs = pieces.list(|pieces| (pieces.text(), pieces.text()));
        if with_attributes {
            batch
                .attributes
                .push(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        }
        expected.push((topic, payload));
    }
    batch.rejected = rejections(pieces, inputs);
    let answered = if pieces.flag() { inputs } else { 0 };
    batch.answers = (0..answered).map(|origin| answer(pieces, origin)).collect();
    if let Err(error) = batch.check(inputs) {
        panic!("{error} in {batch:?}");
    }
    consumption::records(&batch, inputs);
    let topics = batch.topics.iter();
    for ((topic, place), (expected, payload)) in topics.zip(batch.payloads.places()).zip(&expected) {
        assert_eq!(topic, expected);
        match (place, payload) {
            (PayloadAt::New(at), Generated::New(bytes)) => assert_eq!(batch.payloads.bytes.get(at), bytes),
            (PayloadAt::Input(at), Generated::Input(input)) => assert_eq!(at, *input),
            (place, payload) => panic!("{payload:?} is at {place:?}"),
        }
    }
}

pub(super) fn writes(pieces: &mut Pieces<'_>, inputs: usize) {
    let mut batch = WriteBatch::default();
    let (with_ids, with_operations, with_orders) = (pieces.flag(), pieces.flag(), pieces.flag());
    for _ in 0..outputs(pieces, inputs) {
        batch.targets.push(&pieces.text());
        match pieces.flag() {
            true => batch.payloads.push_input(pieces.below(inputs) as u32),
            false => batch.payloads.push(pieces.bytes()),
        }
        batch.origins.push(&origins(pieces, inputs));
        if with_ids {
            batch.ids.push(text(pieces, WriteBatch::ID_BYTES_MAX).as_bytes());
        }
        if with_operations {
            batch.operations.push(pieces.byte());
        }
        if with_orders {
            batch.orders.push(pieces.long());
        }
    }
    batch.rejected = rejections(pieces, inputs);
    if let Err(error) = batch.check(inputs) {
        panic!("{error} in {batch:?}");
    }
    consumption::writes(&batch, inputs);
}

#[derive(Debug)]
enum Generated {
    New(Vec<u8>),
    Input(usize),
}

/// None of nothing.
fn outputs(pieces: &mut Pieces<'_>, inputs: usize) -> usize {
    if inputs == 0 { 0 } else { pieces.below(OUTPUTS_MAX) }
}

/// At least one.
fn origins(pieces: &mut Pieces<'_>, inputs: usize) -> Vec<u32> {
    let mut origins = vec![pieces.below(inputs) as u32];
    origins.extend(pieces.list(|pieces| pieces.below(inputs) as u32));
    origins
}

fn text(pieces: &mut Pieces<'_>, bytes_max: usize) -> String {
    let mut text = pieces.text().replace(char::is_control, "");
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

fn rejections(pieces: &mut Pieces<'_>, inputs: usize) -> Vec<Rejection> {
    if inputs == 0 {
        return Vec::new();
    }
    pieces.list(|pieces| Rejection {
        origin: pieces.below(inputs) as u32,
        kind: RejectionKind::from_code(pieces.number()),
        message: pieces.text(),
    })
}

fn answer(pieces: &mut Pieces<'_>, origin: usize) -> Answer {
    Answer {
        origin: origin as u32,
        status: 200 + pieces.below(300) as u16,
        content_type: "text/plain".to_owned(),
        body: pieces.bytes().to_vec(),
    }
}
