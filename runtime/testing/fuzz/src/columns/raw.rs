//! Batches read from bytes as they are, and written, to begin with good ones.

use danube_wasm_model::{
    columns::{Attributes, Blobs, Labels, Origins, Payloads, Rejection, RejectionKind},
    event::{Answer, RecordBatch},
    message::WriteBatch,
};

use crate::pieces::{Pieces, Written};

pub(super) fn records(pieces: &mut Pieces<'_>) -> RecordBatch {
    RecordBatch {
        topics: labels(pieces),
        payloads: payloads(pieces),
        origins: origins(pieces),
        ids: blobs(pieces),
        keys: blobs(pieces),
        attributes: Attributes {
            ends: numbers(pieces),
            names: blobs(pieces),
            values: blobs(pieces),
        },
        rejected: rejected(pieces),
        answers: pieces.list(|pieces| Answer {
            origin: pieces.number(),
            status: pieces.number() as u16,
            content_type: pieces.text(),
            body: pieces.bytes().to_vec(),
        }),
    }
}

pub(super) fn writes(pieces: &mut Pieces<'_>) -> WriteBatch {
    WriteBatch {
        targets: labels(pieces),
        payloads: payloads(pieces),
        origins: origins(pieces),
        ids: blobs(pieces),
        operations: pieces.list(Pieces::byte),
        orders: pieces.list(Pieces::long),
        rejected: rejected(pieces),
    }
}

fn numbers(pieces: &mut Pieces<'_>) -> Vec<u32> {
    pieces.list(Pieces::number)
}

fn blobs(pieces: &mut Pieces<'_>) -> Blobs {
    Blobs {
        ends: numbers(pieces),
        bytes: pieces.bytes().to_vec(),
    }
}

fn labels(pieces: &mut Pieces<'_>) -> Labels {
    Labels {
        names: pieces.list(Pieces::text),
        index: numbers(pieces),
    }
}

fn payloads(pieces: &mut Pieces<'_>) -> Payloads {
    Payloads {
        reuse: numbers(pieces),
        bytes: blobs(pieces),
    }
}

fn origins(pieces: &mut Pieces<'_>) -> Origins {
    Origins {
        ends: numbers(pieces),
        index: numbers(pieces),
    }
}

fn rejected(pieces: &mut Pieces<'_>) -> Vec<Rejection> {
    pieces.list(|pieces| Rejection {
        origin: pieces.number(),
        kind: RejectionKind::from_code(pieces.number()),
        message: pieces.text(),
    })
}

// === the same, written ===

fn put_numbers(out: &mut Written, numbers: &[u32]) {
    out.list(numbers, |out, n| {
        out.long((*n).into());
    });
}

fn put_blobs(out: &mut Written, blobs: &Blobs) {
    put_numbers(out, &blobs.ends);
    out.bytes(&blobs.bytes);
}

fn put_common(out: &mut Written, labels: &Labels, payloads: &Payloads, origins: &Origins, ids: &Blobs) {
    out.list(&labels.names, |out, name| {
        out.bytes(name.as_bytes());
    });
    put_numbers(out, &labels.index);
    put_numbers(out, &payloads.reuse);
    put_blobs(out, &payloads.bytes);
    put_numbers(out, &origins.ends);
    put_numbers(out, &origins.index);
    put_blobs(out, ids);
}

fn put_rejected(out: &mut Written, rejected: &[Rejection]) {
    out.list(rejected, |out, rejection| {
        let code = u64::from(rejection.kind == RejectionKind::Unsupported);
        out.long(rejection.origin.into())
            .long(code)
            .bytes(rejection.message.as_bytes());
    });
}

fn written_records(inputs: u8, batch: &RecordBatch) -> Vec<u8> {
    let mut out = Written::default();
    out.byte(0).byte(inputs);
    put_common(&mut out, &batch.topics, &batch.payloads, &batch.origins, &batch.ids);
    put_blobs(&mut out, &batch.keys);
    put_numbers(&mut out, &batch.attributes.ends);
    put_blobs(&mut out, &batch.attributes.names);
    put_blobs(&mut out, &batch.attributes.values);
    put_rejected(&mut out, &batch.rejected);
    out.list(&batch.answers, |out, answer| {
        out.long(answer.origin.into()).long(answer.status.into());
        out.bytes(answer.content_type.as_bytes()).bytes(&answer.body);
    });
    out.finish()
}

fn written_writes(inputs: u8, batch: &WriteBatch) -> Vec<u8> {
    let mut out = Written::default();
    out.byte(1).byte(inputs);
    put_common(&mut out, &batch.targets, &batch.payloads, &batch.origins, &batch.ids);
    out.list(&batch.operations, |out, code| {
        out.byte(*code);
    });
    out.list(&batch.orders, |out, order| {
        out.long(*order);
    });
    put_rejected(&mut out, &batch.rejected);
    out.finish()
}

pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut forwarded = RecordBatch::default();
    let mut full = RecordBatch::default();
    let mut writes = WriteBatch::default();
    for i in 0..3_u32 {
        forwarded.topics.push("/a/b");
        forwarded.payloads.push_input(i);
        full.topics.push(["/a/b", "/a/ä"][i as usize % 2]);
        full.payloads.push(format!("{{\"n\":{i}}}").as_bytes());
        full.origins.push(&[i, 2]);
        full.ids.push(format!("evt-{i}").as_bytes());
        full.keys.push(b"key");
        full.attributes.push([("name", "value"), ("größe", "1")]);
        writes.targets.push("rows");
        if i == 1 {
            writes.payloads.push_input(i);
        } else {
            writes.payloads.push(b"{}");
        }
        writes.origins.push(&[i]);
        writes.ids.push(b"id");
        writes.operations.push(i as u8);
        writes.orders.push(u64::MAX - u64::from(i));
    }
    full.rejected.push(Rejection {
        origin: 1,
        kind: RejectionKind::Unsupported,
        message: "no".to_owned(),
    });
    writes.rejected.clone_from(&full.rejected);
    full.answers.push(Answer {
        origin: 0,
        status: 201,
        content_type: "text/plain".to_owned(),
        body: b"made".to_vec(),
    });
    vec![
        ("forwarded", written_records(3, &forwarded)),
        ("records", written_records(3, &full)),
        ("writes", written_writes(3, &writes)),
        ("nothing", written_records(3, &RecordBatch::default())),
    ]
}
