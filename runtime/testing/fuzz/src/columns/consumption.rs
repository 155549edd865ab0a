//! Reads every value of a batch that passed its checks, as the host does after them.

use danube_wasm_model::{
    columns::{Attributes, Blobs, Labels, Origins, PayloadAt, Payloads, Rejection},
    event::{Answer, RecordBatch},
    identity::is_event_id,
    message::WriteBatch,
};

pub(super) fn records(batch: &RecordBatch, inputs: usize) {
    let n = batch.len();
    labels(&batch.topics, n);
    payloads(&batch.payloads, n, inputs);
    origins(&batch.origins, n, inputs);
    ids(&batch.ids, n);
    blobs(&batch.keys, n);
    attributes(&batch.attributes, n);
    rejections(&batch.rejected, inputs);
    let mut answered = Vec::new();
    for answer in &batch.answers {
        assert!((answer.origin as usize) < inputs && (200..500).contains(&answer.status));
        assert!(answer.body.len() <= Answer::BODY_BYTES_MAX && !answered.contains(&answer.origin));
        assert!(
            answer
                .content_type
                .chars()
                .all(|c| c.is_ascii() && !c.is_ascii_control())
        );
        answered.push(answer.origin);
    }
}

pub(super) fn writes(batch: &WriteBatch, inputs: usize) {
    let n = batch.len();
    labels(&batch.targets, n);
    payloads(&batch.payloads, n, inputs);
    origins(&batch.origins, n, inputs);
    blobs(&batch.ids, n);
    for id in batch.ids.iter() {
        let text = std::str::from_utf8(id).expect("an id is text");
        assert!(text.len() <= WriteBatch::ID_BYTES_MAX && !text.chars().any(char::is_control));
    }
    assert!([0, n].contains(&batch.operations.len()) && [0, n].contains(&batch.orders.len()));
    rejections(&batch.rejected, inputs);
}

fn labels(labels: &Labels, n: usize) {
    assert_eq!(labels.len(), n);
    for (i, at) in labels.index.iter().enumerate() {
        assert_eq!(Some(labels.get(i)), labels.names.get(*at as usize).map(String::as_str));
    }
}

/// Every byte belongs to exactly one value.
fn covers(blobs: &Blobs) {
    let together: Vec<u8> = blobs.iter().flatten().copied().collect();
    assert_eq!(together, blobs.bytes);
}

fn blobs(blobs: &Blobs, n: usize) {
    assert!(blobs.is_empty() || blobs.len() == n);
    covers(blobs);
}

fn ids(ids: &Blobs, n: usize) {
    blobs(ids, n);
    for id in ids.iter() {
        let text = std::str::from_utf8(id).expect("an id is text");
        assert!(text.is_empty() || is_event_id(text), "{text:?}");
    }
}

fn payloads(payloads: &Payloads, n: usize, inputs: usize) {
    covers(&payloads.bytes);
    let places: Vec<_> = payloads.places().collect();
    assert_eq!(places.len(), n);
    let new = places.iter().filter_map(|place| match place {
        PayloadAt::New(at) => Some(*at),
        PayloadAt::Input(at) => {
            assert!(*at < inputs, "payload of input {at} of {inputs}");
            None
        }
    });
    assert!(
        new.eq(0..payloads.bytes.len()),
        "each new payload is used once, in order"
    );
}

fn origins(origins: &Origins, n: usize, inputs: usize) {
    for i in 0..n {
        let of: Vec<usize> = origins.of(i).collect();
        assert!(!of.is_empty() && of.iter().all(|at| *at < inputs), "{of:?} of {inputs}");
    }
    assert!(origins.ends.is_empty() || (0..n).map(|i| origins.of(i).len()).sum::<usize>() == origins.index.len());
}

fn attributes(attributes: &Attributes, n: usize) {
    assert!(attributes.is_empty() || attributes.len() == n);
    covers(&attributes.names);
    covers(&attributes.values);
    let mut at = 0;
    for (name, value) in (0..attributes.len()).flat_map(|i| attributes.get(i)) {
        assert_eq!(
            (name.as_bytes(), value.as_bytes()),
            (attributes.names.get(at), attributes.values.get(at))
        );
        at += 1;
    }
    assert_eq!(at, attributes.names.len());
}

fn rejections(rejected: &[Rejection], inputs: usize) {
    assert!(rejected.iter().all(|rejection| (rejection.origin as usize) < inputs));
}
